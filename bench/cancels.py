"""`python -m bench.cancels --count N`: how soon the upstream's connection is closed when a client leaves.

The full chain as a user runs it. Clients leave at random: while they send, while they wait, at some byte of the answer;
with a reset or a clean end. The upstream says nothing, says its head alone, or streams without end. The figures are
the times from a client's leaving to the end of the upstream's connection, for all whose request had come there; aim:
250 ms for 99 of 100. What then is alive in the gateway is compared with what was alive before.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import click
import orjson
import uvloop

from bench.process import Process
from bench.subjects import OTHER_CORE, STREAM, gateways, made_keys
from bench.upstream import pieces
from kapagate.demo.people import Keys

AIM = 0.25
AT_ONCE = 16
_NAMED = b"cancel number "
_WARM = 200
_PATIENCE = 5.0
_LOOKS = 500
_SETTLED = 17.0  # idle connections to the upstream are kept for 15 s


class Board:
    """When what happened to each client, by its number."""

    def __init__(self) -> None:
        self.asked: set[int] = set()
        self.left: dict[int, float] = {}
        self.ended: dict[int, float] = {}

    def seconds(self) -> list[float]:
        """From a client's leaving to the end of its upstream connection, sorted; those that ended before are 0."""
        return sorted(max(0.0, self.ended[each] - self.left[each]) for each in self.asked & self.ended.keys())

    @property
    def open(self) -> set[int]:
        """Whose upstream connection has not ended."""
        return self.asked - self.ended.keys()


class Moody(asyncio.Protocol):
    """One upstream connection: by the number in the question it says nothing, a head, or records without end."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._buffer = b""
        self._number = -1
        self._first, self._next, *_ = pieces()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        _, found, rest = self._buffer.partition(_NAMED)
        if found and self._number < 0 and b"." in rest:
            self._number = int(rest.partition(b".")[0])
            self._board.asked.add(self._number)
            if self._number % 4:
                self._transport.write(self._first)
            if self._number % 4 > 1:
                self._stream()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._number >= 0:
            self._board.ended[self._number] = time.perf_counter()

    def _stream(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._next)
            asyncio.get_running_loop().call_later(0.002 if self._number % 2 else 0.02, self._stream)


class Leaving:
    """Clients that ask and leave."""

    def __init__(self, port: int, token: str, board: Board, chance: random.Random) -> None:
        self._port = port
        self._token = token
        self._board = board
        self._chance = chance

    async def leave(self, number: int) -> None:
        chance, request = self._chance, self._request(number)
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            sent = len(request) if chance.random() < 0.9 else chance.randrange(len(request))
            writer.write(request[:sent])
            with suppress(TimeoutError):
                async with asyncio.timeout(chance.random() * 0.05):
                    await reader.readexactly(chance.choice((1, chance.randrange(1, 4000), 1 << 20)))
            self._board.left[number] = time.perf_counter()
            writer.transport.abort() if chance.random() < 0.5 else writer.close()

    def _request(self, number: int) -> bytes:
        body = orjson.dumps({"query": f"{_NAMED.decode()}{number}."})
        return (
            f"POST {STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


async def cancelled(leaving: Leaving, board: Board, numbers: Sequence[int]) -> None:
    """Lets clients with these numbers leave, a few at a time, and waits until the upstream is alone."""
    left = iter(numbers)

    async def some() -> None:
        for number in left:
            await leaving.leave(number)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    await _until(lambda: not board.open)


async def alive(process: Process, target: Path) -> Mapping[str, int]:
    """What `bench.counted` finds when everything has settled."""
    await asyncio.sleep(_SETTLED)
    process.child.send_signal(signal.SIGUSR1)
    await _until(target.exists)
    return _taken(target)


def _taken(target: Path) -> Mapping[str, int]:
    found: dict[str, Any] = orjson.loads(target.read_bytes())
    target.unlink()
    return {**found.pop("objects"), **found}


async def _until(condition: Callable[[], object]) -> None:
    """Or for as long as patience lasts."""
    for _ in range(_LOOKS):
        if condition():
            return
        await asyncio.sleep(_PATIENCE / _LOOKS)


def left_behind(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What there is more of than before."""
    return dict(Counter(after) - Counter(before))


async def _measured(keys: Keys, directory: Path, count: int) -> None:
    board, warm = Board(), Board()
    server_board = [warm]
    server = await asyncio.get_running_loop().create_server(lambda: Moody(server_board[0]), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    _, full = gateways(url, directory / "state.db", keys)
    token = keys.token("bench", "acme", "viewer", time.time() + 86_400)
    chance, target = random.Random(0), directory / "alive.json"
    with replace(full, runner=("bench.counted", str(target))).started() as (process, port, _):
        await cancelled(Leaving(port, token, warm, chance), warm, range(_WARM))
        before = await alive(process, target)
        server_board[0] = board
        await cancelled(Leaving(port, token, board, chance), board, range(count))
        _print(board, count)
        more = left_behind(before, await alive(process, target))
        print("left behind: " + (", ".join(f"{number} {name}" for name, number in more.items()) or "nothing"))
    server.close()


def _print(board: Board, count: int) -> None:
    seconds = board.seconds()
    print(f"{count} clients left; the requests of {len(board.asked)} had come to the upstream")
    if seconds:
        told = [("p50", 0.5), ("p99", 0.99), ("most", 1.0)]
        figures = ", ".join(f"{name} {at(seconds, share) * 1e3:.2f} ms" for name, share in told)
        print(f"until the upstream's connection was closed: {figures} (aim: p99 within {AIM * 1e3:.0f} ms)")
    print(f"upstream connections that were not closed: {len(board.open)}")


def at(values: Sequence[float], share: float) -> float:
    """The value that this share of the sorted values does not exceed."""
    return values[max(0, min(len(values), -int(-share * len(values) // 1)) - 1)]


@click.command()
@click.option("--count", default=10_000, show_default=True, type=click.IntRange(1))
def main(count: int) -> None:
    """Times from a client's leaving to the end of the upstream's connection, and what is left behind."""
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory(prefix="kapagate-cancels-") as directory:
        uvloop.run(_measured(made_keys(), Path(directory), count))


if __name__ == "__main__":
    main()
