"""`python -m bench.soak --minutes N`: does memory grow? A steady rate of everything that ends badly, and of new people.

The full chain as a user runs it, at 200 requests/s, each over a connection of its own and from somebody out of a
million. One in ten leaves in the middle, one in ten streams, one in eight fails somewhere: credentials, path, body, the
upstream. Every half minute the policy is compiled again and swapped in. Resident memory is sampled every second;
printed are its slopes behind the first fifth and in the second half, when caches have filled, with their intervals.
It ends with 1 when an answer was not the one that was due.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import orjson
import uvloop

from bench.load import is_whole
from bench.process import Process
from bench.slope import slope_of, thinned
from bench.subjects import BODY, CHAT, OTHER_CORE, STREAM, gateways, made_keys, running_upstream
from kapagate.demo.people import Keys

RATE = 200
SUBJECTS = 1_000_000
RELOAD = 30.0
_PER_HOUR = 3600.0
_ARENA = 1 << 20  # Python takes memory from the system in arenas of a mebibyte
_LEAVING = 0.1
_STREAMING = 0.1
_PROBLEM = re.compile(rb"/problems/([a-z-]+)")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked, how often of a thousand, and which statuses are due."""

    name: str
    often: int
    due: tuple[bytes, ...]
    body: bytes = BODY
    path: str = ""


KINDS = (
    Kind("answered", 875, (b"200",)),
    Kind("no JSON", 25, (b"400",), b"{broken"),
    Kind("no path", 20, (b"400",), path="/query/v1/../projects/default/chat/"),
    Kind("no route", 20, (b"404",), path="/nowhere"),
    Kind("no token", 20, (b"401",)),
    Kind("upstream failed", 20, (b"502", b"503", b"500"), orjson.dumps({"query": "[[500]]"})),
    Kind("upstream cut", 20, (b"502",), orjson.dumps({"query": "[[cut]]"})),
)


class Soak:
    """Asks at a steady rate; counts how it went, by kind, and what was not due."""

    def __init__(self, port: int, keys: Keys, chance: random.Random, subjects: int) -> None:
        self.went: Counter[str] = Counter()
        self.undue: Counter[str] = Counter()
        self._port = port
        self._keys = keys
        self._chance = chance
        self._subjects = subjects
        self._expires = time.time() + 86_400

    async def run(self, process: Process, seconds: float, reload: float) -> list[tuple[float, float]]:
        """Samples of seconds and resident bytes."""
        samples: list[tuple[float, float]] = []
        begun, asked, reloads = time.perf_counter(), 0, 0
        async with asyncio.TaskGroup() as running:
            while (now := time.perf_counter() - begun) < seconds:
                while asked < now * RATE:
                    asked += 1
                    running.create_task(self._ask(self._chance.choices(KINDS, [each.often for each in KINDS])[0]))
                if now >= len(samples):
                    samples.append((now, process.resident_bytes()))
                if reload and now >= (reloads + 1) * reload:
                    reloads += 1
                    process.child.send_signal(signal.SIGHUP)
                await asyncio.sleep(1 / RATE)
        self.went["reloads"] = reloads
        return samples

    async def _ask(self, kind: Kind) -> None:
        leaves = self._chance.random() < _LEAVING
        try:
            answer = await self._answered(kind, leaves)
        except OSError as cause:
            answer, broke = b"", type(cause).__name__
        else:
            broke = "cut"
        self.went["left" if leaves else kind.name] += 1
        if not leaves and answer[9:12] not in kind.due:
            said = _PROBLEM.search(answer)
            self.undue[f"{kind.name}: {answer[9:12].decode() or broke} {said[1].decode() if said else ''}"] += 1

    async def _answered(self, kind: Kind, leaves: bool) -> bytes:
        """Raises OSError where there is no connection, or it breaks."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(self._request(kind))
            if not leaves:
                return await _answer(reader)
            await asyncio.sleep(self._chance.random() * 0.01)
            return b""
        finally:
            writer.transport.abort()

    def _request(self, kind: Kind) -> bytes:
        streams = self._chance.random() < _STREAMING and kind.name != "upstream cut"
        subject = f"person-{self._chance.randrange(self._subjects)}"
        token = "x.y.z" if kind.name == "no token" else self._keys.token(subject, "acme", "viewer", self._expires)
        return (
            f"POST {kind.path or (STREAM if streams else CHAT)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(kind.body)}\r\n\r\n"
        ).encode() + kind.body


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """A whole answer; empty where it was cut."""
    answer = b""
    while not is_whole(answer):
        piece = await reader.read(65536)
        if not piece:
            return b""
        answer += piece
    return answer


@click.command()
@click.option("--minutes", default=1.0, show_default=True)
@click.option("--subjects", default=SUBJECTS, show_default=True, help="How many people there are.")
@click.option("--reload", default=RELOAD, show_default=True, help="Seconds between two reloads of the policy; 0: none.")
def main(minutes: float, subjects: int, reload: float) -> None:
    """The slope of resident memory under a steady rate of everything that ends badly."""
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory(prefix="kapagate-soak-") as directory, running_upstream() as (_, url):
        keys = made_keys()
        _, full = gateways(url, Path(directory, "state.db"), keys)
        with full.started() as (process, port, _):
            soak = Soak(port, keys, random.Random(0), subjects)
            samples = uvloop.run(soak.run(process, minutes * 60, reload))
    _print(soak, samples, minutes)
    sys.exit(1 if soak.undue else 0)


def _print(soak: Soak, samples: Sequence[tuple[float, float]], minutes: float) -> None:
    print(", ".join(f"{name}: {count}" for name, count in soak.went.most_common()))
    if soak.undue:
        print("not due: " + ", ".join(f"{count} x {what}" for what, count in soak.undue.most_common(10)))
    print(f"resident: {samples[0][1] / 1e6:.1f} MB at first, {samples[-1][1] / 1e6:.1f} MB after {minutes:g} minutes")
    for name, share in (("behind the first fifth", 5), ("second half", 2)):
        told = [(at / _PER_HOUR, resident / 1e6) for at, resident in samples[len(samples) // share :]]
        slope = slope_of(thinned(told), _ARENA / 1e6)
        verdict = "within noise" if slope.is_noise else "not within noise"
        noise = f"95 % within {slope.margin:.1f} MB/h, one arena more or less is {slope.grain:.1f} MB/h"
        print(f"slope, {name}: {slope.value:+.1f} MB/h, {noise}: {verdict}")


if __name__ == "__main__":
    main()
