"""`python -m bench.soak --minutes N`: does memory grow? A steady rate of everything that ends badly, and of new people.

The full chain as a user runs it, at 200 requests/s: every request comes from somebody new, out of a million; one in ten
leaves in the middle, one in twenty is refused, one in ten streams. Resident memory is sampled every second; printed
are its slopes behind the first fifth and in the second half, when caches have filled, with their intervals.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import click
import uvloop

from bench.load import is_whole
from bench.process import Process, started
from bench.slope import slope_of
from bench.subjects import BODY, CHAT, OTHER_CORE, STREAM, gateways, made_keys
from kapagate.demo.people import Keys

RATE = 200
SUBJECTS = 1_000_000
_PER_HOUR = 3600.0


class Soak:
    """Asks at a steady rate; counts how it went."""

    def __init__(self, port: int, keys: Keys, chance: random.Random) -> None:
        self.answered = self.refused = self.left = self.failed = 0
        self._port = port
        self._keys = keys
        self._chance = chance
        self._expires = time.time() + 86_400

    async def run(self, process: Process, seconds: float) -> list[tuple[float, float]]:
        """Samples of seconds and resident bytes."""
        samples: list[tuple[float, float]] = []
        running: set[asyncio.Task[None]] = set()
        begun = time.perf_counter()
        asked = 0
        while (now := time.perf_counter() - begun) < seconds:
            while asked < now * RATE:
                asked += 1
                task = asyncio.ensure_future(self._ask())
                running.add(task)
                task.add_done_callback(running.discard)
            if now >= len(samples):
                samples.append((now, process.resident_bytes()))
            await asyncio.sleep(1 / RATE)
        await asyncio.wait(running, timeout=5.0)
        return samples

    async def _ask(self) -> None:
        chance = self._chance
        leaves, bad = chance.random() < 0.1, chance.random() < 0.05
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                writer.write(self._request(STREAM if chance.random() < 0.1 else CHAT, bad))
                if leaves:
                    await asyncio.sleep(chance.random() * 0.01)
                    self.left += 1
                else:
                    self._count(await _answer(reader))
            finally:
                writer.transport.abort()

    def _request(self, path: str, bad: bool) -> bytes:
        subject = f"person-{self._chance.randrange(SUBJECTS)}"
        token = self._keys.token(subject, "acme", "viewer", self._expires)
        body = b"{broken" if bad else BODY
        return (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def _count(self, status: bytes) -> None:
        if status == b"200":
            self.answered += 1
        elif status.startswith(b"4"):
            self.refused += 1
        else:
            self.failed += 1


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """The status of a whole answer; empty where it was cut."""
    answer = b""
    while not is_whole(answer):
        piece = await reader.read(65536)
        if not piece:
            return b""
        answer += piece
    return answer[9:12]


@click.command()
@click.option("--minutes", default=1.0, show_default=True)
def main(minutes: float) -> None:
    """The slope of resident memory under a steady rate of everything that ends badly."""
    os.sched_setaffinity(0, {OTHER_CORE})
    with (
        tempfile.TemporaryDirectory(prefix="kapagate-soak-") as directory,
        started(["bench.upstream"], OTHER_CORE) as up,
    ):
        keys = made_keys()
        _, full = gateways(f"http://127.0.0.1:{up.first_line()}", Path(directory, "state.db"), keys)
        with full.started() as (process, port, _):
            soak = Soak(port, keys, random.Random(0))
            samples = uvloop.run(soak.run(process, minutes * 60))
            _print(soak, samples, minutes)


def _print(soak: Soak, samples: list[tuple[float, float]], minutes: float) -> None:
    print(f"answered {soak.answered}, refused {soak.refused}, left {soak.left}, failed {soak.failed}")
    print(f"resident: {samples[0][1] / 1e6:.1f} MB at first, {samples[-1][1] / 1e6:.1f} MB after {minutes:g} minutes")
    for name, share in (("behind the first fifth", 5), ("second half", 2)):
        slope = slope_of([(at / _PER_HOUR, resident / 1e6) for at, resident in samples[len(samples) // share :]])
        verdict = "within noise" if slope.is_noise else "not within noise"
        print(f"slope, {name}: {slope.value:+.1f} MB/h, 95 % within {slope.margin:.1f} MB/h: {verdict}")


if __name__ == "__main__":
    main()
