"""`python -m bench.drip`: what connections that send a byte a second cost, and what good clients notice of them.

The full chain as a user runs it. Half of the drips never end a request's head, half never end a body that a guard
reads; one whose time is over is opened again. Good clients, of another tenant (the exchanges of one are bounded), ask
at a steady pace before and during; the figures are their latency, and the resident memory per open drip.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
import uvloop

from bench.load import Question, is_whole
from bench.process import Process, started
from bench.subjects import OTHER_CORE, gateways, made_keys, questions

_TURNS = 100
_GOOD = 8
_PAUSE = 0.01


class Drips:
    """`count` connections to the port, each sending a byte a second.

    Sockets without a task each: what is measured is the gateway, so whoever drips must cost next to nothing.
    """

    def __init__(self, port: int, question: Question, count: int) -> None:
        self.opened = 0
        head, _, _ = question.request.partition(b"\r\n\r\n")
        self._address = ("127.0.0.1", port)
        self._endless = (head.rstrip() + b"\r\nX-Drip: ", _endless_body(question))
        self._drips = [self._connected(number) for number in range(count)]
        self._task = asyncio.ensure_future(self._run())

    @property
    def open(self) -> int:
        return len(self._drips)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        for drip in self._drips:
            drip.close()

    async def _run(self) -> None:
        """A slice of them at a time, so that the second has gone by when all have had their turn."""
        while True:
            for turn in range(_TURNS):
                await asyncio.sleep(1.0 / _TURNS)
                for number in range(turn, len(self._drips), _TURNS):
                    if not _drop(self._drips[number], b" "):
                        self._drips[number].close()
                        self._drips[number] = self._connected(number + self.opened)

    def _connected(self, number: int) -> socket.socket:
        drip = socket.create_connection(self._address)
        drip.setblocking(False)
        self.opened += 1
        drip.send(self._endless[number % 2])
        return drip


def _drop(drip: socket.socket, byte: bytes) -> bool:
    """Sends a byte, unless the gateway has had enough."""
    try:
        drip.send(byte)
        drip.recv(4096)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _endless_body(question: Question) -> bytes:
    head, _, body = question.request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Content-Length: 100000", b"", body[:1]])


async def latencies(port: int, question: Question, seconds: float) -> list[float]:
    """Of good clients, each asking again a little after it was answered. Raises RuntimeError for a bad answer."""
    found: list[float] = []
    end = time.perf_counter() + seconds

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            begun, answer = time.perf_counter(), b""
            writer.write(question.request)
            while not is_whole(answer):
                piece = await reader.read(65536)
                if not piece:
                    raise RuntimeError("a good client was cut off")
                answer += piece
            found.append(time.perf_counter() - begun)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer[:300].decode("latin-1"))
            await asyncio.sleep(_PAUSE)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(_GOOD)))
    return found


def p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


async def _measured(process: Process, port: int, asked: tuple[Question, Question], count: int, seconds: float) -> None:
    question, dripped = asked
    await latencies(port, question, 2.0)
    before, resident = await latencies(port, question, seconds / 2), process.resident_bytes()
    drips = Drips(port, dripped, count)
    await asyncio.sleep(2.0)
    during = await latencies(port, question, seconds)
    cost = (process.resident_bytes() - resident) / max(1, drips.open)
    print(f"drips open: {drips.open} (opened {drips.opened} times), {cost / 1024:.1f} KiB resident each")
    await drips.stop()
    for name, values in (("before", before), ("during", during)):
        middle = sorted(values)[len(values) // 2]
        print(f"{name}: {len(values)} good answers, median {middle * 1e3:.2f} ms, p99 {p99(values) * 1e3:.2f} ms")
    print(f"p99 during / before: {p99(during) / p99(before):.2f}")


@click.command()
@click.option("--connections", default=2000, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=60.0, show_default=True, help="How long good clients ask beside the drips.")
def main(connections: int, seconds: float) -> None:
    """What slow connections cost, and what good clients notice."""
    os.sched_setaffinity(0, {OTHER_CORE})
    with (
        tempfile.TemporaryDirectory(prefix="kapagate-drip-") as directory,
        started(["bench.upstream"], OTHER_CORE) as up,
    ):
        keys = made_keys()
        _, full = gateways(f"http://127.0.0.1:{up.first_line()}", Path(directory, "state.db"), keys)
        asked = questions(keys)["full chain"], questions(keys, "globex")["full chain"]
        with full.started() as (process, port, _):
            uvloop.run(_measured(process, port, asked, connections, seconds))


if __name__ == "__main__":
    main()
