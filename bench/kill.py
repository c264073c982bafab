"""`python -m bench.kill --kills N`: what the audit has left of a gateway that is killed (SIGKILL) at full speed.

The shipped policy as a user runs it, with the durability in question, on one file throughout. Every request has a
correlation id of its own, which the client notes when it has the whole answer and the upstream when it is called. With
`sync` each of the first must have its record and each of the second its intent. With `batched` what is missing must
have been answered within the window before the kill, plus what the write under way may take, and a gap says so.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import uvloop

from bench.process import ROOT, Process
from bench.subjects import BODY, CHAT, STREAM, Gateway, gateways, made_keys
from bench.upstream import Answering, pieces, whole
from kapagate.demo.people import Keys
from kapagate.ledger.selection import EVERYTHING
from kapagate.stores.audit_file import AuditFile, Batch
from kapagate.stores.audit_search import after, verify

CLIENTS = 16
WINDOW = 0.05
_SPEED = 0.3, 0.9
"""Seconds of full speed before a kill, from and to."""
_STARTS = 5
_MARK = b"x-correlation-id: "


@dataclass(slots=True)
class Kill:
    """What was seen from outside until one kill: ids with the moment at which each was answered, ids called.

    `died`: it was the kill that ended the process.
    """

    answered: dict[str, float] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    at: float = 0.0
    died: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What the file said afterwards. `longest`: seconds from the first answer without a record to the kill."""

    answered: int
    called: int
    missing: int
    without_intent: int
    untold: int
    lost: int
    longest: float


class Noting(Answering):
    """The upstream of the bench, which notes who called."""

    def __init__(self, loop: asyncio.AbstractEventLoop, kill: Kill) -> None:
        super().__init__(loop, whole(), pieces())
        self._kill = kill

    def data_received(self, data: bytes) -> None:
        at = data.lower().find(_MARK)
        if at >= 0:
            self._kill.called.add(data[at + len(_MARK) :].split(b"\r\n", 1)[0].decode())
        super().data_received(data)


async def killed(kills: int, durability: str, chance: random.Random) -> Found:
    """Starts, asks and kills so often, on one file, and looks at the file at the end."""
    loop, keys, seen = asyncio.get_running_loop(), made_keys(), [Kill()]
    server = await loop.create_server(lambda: Noting(loop, seen[-1]), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="kapagate-kill-") as folder:
        state = Path(folder, "state.db")
        gateway = _gateway(Path(folder, "policy"), url, state, keys, durability)
        ids = (f"kill-{number}" for number in itertools.count())
        for _ in range(kills):
            seen.append(Kill())
            await _started_and_killed(gateway, keys, ids, seen[-1], chance.uniform(*_SPEED))
        server.close()
        return _found(state, seen[1:])


def _gateway(policy: Path, url: str, state: Path, keys: Keys, durability: str) -> Gateway:
    """The shipped policy with another durability."""
    shutil.copytree(ROOT / "policies", policy)
    file = policy / "gateway.yaml"
    text = file.read_text()
    changed = text.replace("on_full: refuse}", f"on_full: refuse, durability: {durability}}}")
    if changed == text:
        raise LookupError("the audit of the shipped policy looks different")
    file.write_text(changed)
    return Gateway(policy, gateways(url, state, keys)[1].environment)


async def _started_and_killed(gateway: Gateway, keys: Keys, ids: Iterator[str], kill: Kill, seconds: float) -> None:
    stack = ExitStack()
    process, port = await asyncio.to_thread(_started, gateway, stack)
    try:
        clients = [asyncio.ensure_future(_ask_on(port, keys, ids, kill, number)) for number in range(CLIENTS)]
        await asyncio.sleep(seconds)
        process.child.send_signal(signal.SIGKILL)
        kill.at = time.monotonic()
        kill.died = await asyncio.to_thread(process.child.wait) == -signal.SIGKILL
        await asyncio.gather(*clients)
    finally:
        await asyncio.to_thread(stack.close)


def _started(gateway: Gateway, stack: ExitStack) -> tuple[Process, int]:
    """A start that finds a port taken by a connection of somebody else is made again."""
    for _ in range(_STARTS - 1):
        with suppress(RuntimeError):
            return stack.enter_context(gateway.started())[:2]
    return stack.enter_context(gateway.started())[:2]


async def _ask_on(port: int, keys: Keys, ids: Iterator[str], kill: Kill, number: int) -> None:
    """One connection, until it breaks: some ask for streams, some have no token that is believed."""
    token = keys.token(f"caller-{number}", "acme", "viewer", time.time() + 3600) if number % 8 else "nobody"
    path = STREAM if number % 4 == 1 else CHAT
    with suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                name = next(ids)
                writer.write(
                    f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
                    f"X-Correlation-ID: {name}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(BODY)}\r\n\r\n".encode()
                    + BODY
                )
                await _answer(reader)
                kill.answered[name] = time.monotonic()
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> None:
    """Reads a whole answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" in head:
        await reader.readuntil(b"\r\n0\r\n\r\n")
    else:
        length = head.partition(b"content-length: ")[2]
        await reader.readexactly(int(length.split(b"\r\n", 1)[0]))


def _found(state: Path, kills: list[Kill]) -> Found:
    """What the next start makes of the file, against what was seen."""
    file = AuditFile(state)
    if failure := file.write(Batch(time.time())):
        raise RuntimeError(failure)
    file.close()
    verify(state)
    records, _ = after(state, 0, EVERYTHING)
    known = {record.get("correlation_id") for record in records}
    whole_ones = {record.get("correlation_id") for record in records if record["outcome"] != "lost"}
    gaps = sum(record["outcome"] == "gap" and record["reason"] == "crash" for record in records)
    missing = {name: kill.at - at for kill in kills for name, at in kill.answered.items() if name not in whole_ones}
    return Found(
        answered=sum(len(kill.answered) for kill in kills),
        called=sum(len(kill.called) for kill in kills),
        missing=len(missing),
        without_intent=sum(name not in known for kill in kills for name in kill.called),
        untold=max(0, sum(kill.died for kill in kills) - gaps),
        lost=sum(record["outcome"] == "lost" for record in records),
        longest=max(missing.values(), default=0.0),
    )


def faults(found: Found, durability: str, write: float) -> list[str]:
    """What is not as promised; `write`: seconds that the write under way may take."""
    told = [f"{found.untold} ends were told in no gap record"] if found.untold else []
    if durability == "sync" and found.missing:
        told.append(f"{found.missing} answers without a record")
    if durability == "sync" and found.without_intent:
        told.append(f"{found.without_intent} calls upstream without an intent")
    if durability == "batched" and found.longest > WINDOW + write:
        told.append(f"a record of {found.longest * 1000:.0f} ms before a kill is missing")
    return told


@click.command()
@click.option("--kills", default=200, show_default=True, type=click.IntRange(1))
@click.option("--write", default=0.1, show_default=True, help="Seconds that the write under way may take.")
@click.option("--durability", "which", multiple=True, type=click.Choice(["sync", "batched"]))
@click.option("--seed", default=0, show_default=True)
@click.pass_context
def main(ctx: click.Context, kills: int, write: float, which: tuple[str, ...], seed: int) -> None:
    """Kill a gateway at full speed, again and again, and look at what its audit has kept. Exit code 1: not all."""
    failed = False
    for durability in which or ("sync", "batched"):
        found = uvloop.run(killed(kills, durability, random.Random(seed)))
        click.echo(
            f"{durability}: {kills} kills, {found.answered} answers, {found.called} calls upstream; without a record "
            f"{found.missing} (the longest before a kill {found.longest * 1000:.0f} ms), without an intent "
            f"{found.without_intent}; {found.lost} recorded as lost"
        )
        for fault in faults(found, durability, write):
            click.echo(f"  {fault}")
            failed = True
    ctx.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
