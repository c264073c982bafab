"""`python -m bench.lag`: how far guards hold clean prose back, and what the first delivered text costs them.

The example policy, loaded as in production, in front of streams in memory: the upstream tells the prose in records, and
whoever asks for the next record sees what has been delivered of those before. `held` is how many characters wait then;
`beyond` how many of them stand before the last token (a word that may begin a spelled address or a date waits for the
next). Below that stands which detector holds what by itself, letter by letter: the most characters of it all, and the
most beyond the last token with the text that waited then. `records` says how many more had to come until all of a
record's text had left. CPU is this thread's, from the request to the first text that leaves, with guards and without,
a pair at a time.

Exits 1 when the 99th percentile of what is held is above 64 characters, or the growth above a millisecond.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import sub
from statistics import median

import click
import orjson
from msgspec.structs import replace

from bench.engine import Asked, never, no_generation
from bench.process import ROOT
from bench.subjects import LIMITS, STREAM
from kapagate.chain.compose import Steps
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Generation, Live
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Endpoint, Hops, Inbound, Outbound
from kapagate.chain.sink import Head
from kapagate.demo.people import Keys
from kapagate.guards.personal import DETECTORS, PersonalData
from kapagate.offers import Machine, Remembered
from kapagate.policy.load import load_policy
from kapagate.remote.references import References
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.ring import MemoryLedger
from kapagate.web.endpoints import implemented, serves

MOST_HELD = 64
MOST_GROWTH = 1000.0
"""Microseconds."""
PROSE = {
    "English": "Open the console and choose your workspace. Under Settings you can rotate the key; the old one keeps "
    "working for an hour (since version 2.4), so nothing breaks. If a job fails, run it again: it is safe, and most of "
    "the 12 steps are skipped. See [the guide](https://docs.example/guide#keys) for more.",
    "German": "Öffnen Sie die Konsole und wählen Sie Ihren Arbeitsbereich. Unter Einstellungen lässt sich der "
    "Schlüssel drehen; der alte gilt noch eine Stunde, damit nichts ausfällt. Schlägt ein Auftrag fehl, starten Sie "
    "ihn erneut.",
    "French": "Ouvrez la console et choisissez votre espace. Dans les réglages, vous pouvez renouveler la clé ; "
    "l'ancienne reste valable une heure, donc rien ne s'arrête. Si une tâche échoue, relancez-la : c'est sans danger.",
    "Spanish": "Abra la consola y elija su espacio. En Ajustes puede renovar la clave; la anterior sigue siendo válida "
    "durante una hora, así que nada se detiene. ¿Falla una tarea? Vuelva a lanzarla: es seguro.",
    "Japanese": "コンソールを開き、ワークスペースを選びます。設定でキーを更新できます。古いキーは一時間有効です。"
    "ジョブが失敗したら、もう一度実行してください。",
    "Markdown": "## Rotate a key\n\n1. Open **Settings**.\n2. Choose *Rotate*, then `confirm`.\n\n"
    "| step | what |\n| --- | --- |\n| one | `nimbus keys rotate --workspace docs` |\n\n"
    "- it takes a moment\n- nothing else changes\n",
}
_ENDING = (
    ("relevant_sources", {"relevant_sources": [{"source_url": "https://docs.example/keys", "title": "Keys"}]}, False),
    ("metadata", {"is_uncertain": False}, False),
    ("identifiers", {"thread_id": "2f5b8c0e-7a41-4d3b-9c6e-1d2f3a4b5c6d"}, True),
)
_SIZES = {"tokens": r"\s*\S{1,5}|\s+", "words": r"\s*\S+|\s+", "48 characters": r"(?s:.{1,48})", "letters": r"(?s:.)"}


_LAST_TOKEN = re.compile(r"\S*\s*\Z")


def pieces_of(text: str, size: str) -> list[str]:
    """The text as an upstream may tell it: the pieces of a model, words, records of even size, letters."""
    return re.findall(_SIZES[size], text)


def record(kind: str, content: object, ends: bool = False) -> bytes:
    return orjson.dumps({"chunk": {"type": kind, "content": content, "stream_end": ends}}) + "␞".encode()


@dataclass(slots=True)
class Lag:
    """What waited, each time that the upstream was about to go on; `records` how long each of its records waited."""

    held: list[int] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)
    records: list[int] = field(default_factory=list)

    def told(self, pieces: Sequence[str], delivered: Sequence[int]) -> None:
        """`delivered`: characters that had left when record 0, 1, ... had been taken."""
        text, ends = "", []
        for piece, left in zip(pieces, delivered, strict=False):
            text += piece
            ends.append(len(text))
            waits = len(text) - left
            self.held.append(waits)
            self.beyond.append(max(0, waits - len(_LAST_TOKEN.findall(text)[0])))
        for at, end in enumerate(ends):
            self.records.append(next((k - at for k in range(at, len(ends)) if delivered[k] >= end), len(ends) - at))

    def add(self, other: Lag) -> None:
        self.held += other.held
        self.beyond += other.beyond
        self.records += other.records


@dataclass(frozen=True, slots=True)
class Held:
    """The most that one detector holds back of the prose, and of it the most before the last token, as it stood."""

    most: int
    beyond: int
    waited: str


def held_by(detector: str) -> Held:
    rule, most, beyond, waited = PersonalData([detector]), 0, 0, ""
    for text in PROSE.values():
        sure = 0
        for end in range(1, len(text) + 1):
            sure = rule.scan(text[:end], sure, False)[1]
            before = end - sure - len(_LAST_TOKEN.findall(text[:end])[0])
            most = max(most, end - sure)
            if before > beyond:
                beyond, waited = before, text[sure:end]
    return Held(most, beyond, waited)


def percentile(values: Sequence[int], share: float) -> int:
    """The least value that so many do not pass."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Telling:
    """The upstream: one stream, a record at a time; whatever asks for more has delivered what it could."""

    def __init__(self) -> None:
        self.pieces: Sequence[str] = ()
        self.delivered: list[int] = []
        self.client = Client()

    def open(self, endpoint: Endpoint) -> Telling:
        return self

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        exchange.times.sent = exchange.times.answered = exchange.times.received
        return Inbound(200, Headers([(b"Content-Type", b"text/plain")]), self._body(), None)

    async def _body(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield record("partial_answer", {"text": piece})
            self.delivered.append(self.client.characters)
        for kind, content, ends in _ENDING:
            yield record(kind, content, ends)


class Client:
    """Counts the text that it gets, and notes the CPU time at the first."""

    def __init__(self) -> None:
        self.characters = 0
        self.text_at = 0.0

    async def open(self, head: Head, piece: bytes, last: bool) -> None:
        if head.status != 200:
            raise RuntimeError(f"answered {head.status}")
        await self.write(piece, last)

    async def write(self, piece: bytes, last: bool) -> None:
        if not self.text_at and b'"partial_answer"' in piece:
            self.text_at = time.thread_time()
        for raw in piece.split("␞".encode())[:-1]:
            self.characters += len(orjson.loads(raw)["chunk"]["content"].get("text", ""))

    def cut(self) -> None:
        raise RuntimeError("the exchange was cut")


@dataclass(frozen=True, slots=True)
class Bench:
    """The example policy in memory. `doors`: with its guards, and without."""

    telling: Telling
    doors: Mapping[str, Entry]
    headers: Sequence[tuple[bytes, bytes]]

    @classmethod
    def opened(cls) -> Bench:
        keys, machine, telling = Keys.made(os.urandom), Machine.started(), Telling()
        asked = {**keys.environment("http://127.0.0.1:9", "http://127.0.0.1:9", "unopened.db"), **LIMITS}
        state = Remembered(MemoryLedger(), MemoryReplays(machine.clock), MemoryOwners(machine.clock))
        services = machine.offer(state).services.with_ports({Hops: telling})
        known = serves(
            implemented(dict, (), machine.clock, lambda: state.ledger, never, no_generation, machine.shadows)
        )
        loaded = load_policy([ROOT / "policies"], References(asked), lambda settings: services, serves=known)
        if loaded.generation is None:
            raise RuntimeError(loaded.report())
        generations = {"guarded": loaded.generation, "unguarded": unguarded(loaded.generation)}
        doors = {name: Entry(Live(each), machine.clock, machine.ids, None) for name, each in generations.items()}
        token = keys.token("bench", "acme", "viewer", time.time() + 3600)
        headers = [(b"Host", b"x"), (b"Authorization", f"Bearer {token}".encode())]
        return cls(telling, doors, [*headers, (b"Content-Type", b"application/json")])

    async def ask(self, door: str, pieces: Sequence[str]) -> tuple[float, float]:
        """One exchange; the microseconds of CPU until its first text has left, and until all is done."""
        telling = self.telling
        telling.pieces, telling.delivered, telling.client = pieces, [], Client()
        begun = time.thread_time()
        entry = self.doors[door]
        exchange = entry.admit("POST", STREAM.encode(), Headers(self.headers), Asked(), "127.0.0.1")
        await entry.run(exchange, telling.client)
        return (telling.client.text_at - begun) * 1e6, (time.thread_time() - begun) * 1e6


def unguarded(generation: Generation) -> Generation:
    """The same policy without the steps that look at texts."""

    def without(steps: Steps) -> Steps:
        return Steps(steps.gate, [each for each in steps.chain if not each.name.startswith("guard_")])

    tenants = {
        name: replace(tenant, steps=without(tenant.steps) if tenant.steps else None)
        for name, tenant in generation.tenants.items()
    }
    routes, steps = generation.routes.routes, without(generation.steps)
    return Generation(routes=routes, steps=steps, tenants=tenants, policy=generation.policy)


async def lags(bench: Bench) -> dict[tuple[str, str], Lag]:
    """By language and size of the pieces."""
    found: dict[tuple[str, str], Lag] = {}
    for language, text in PROSE.items():
        for size in _SIZES:
            pieces, lag = pieces_of(text, size), Lag()
            await bench.ask("guarded", pieces)
            lag.told(pieces, bench.telling.delivered)
            found[language, size] = lag
    return found


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds, medians over pairs: with guards, without, and of the differences."""

    guarded: float
    plain: float
    growth: float

    @classmethod
    def of(cls, guarded: Sequence[float], plain: Sequence[float]) -> Cost:
        return cls(median(guarded), median(plain), median(map(sub, guarded, plain)))

    def __str__(self) -> str:
        return f"{self.guarded:.0f} us with guards, {self.plain:.0f} without; it grows by {self.growth:.0f} us"


async def costs(bench: Bench, pairs: int) -> tuple[Cost, Cost]:
    """What the first text costs, and what the whole exchange does: a stream in words."""
    pieces = pieces_of(PROSE["English"], "words")
    for door in bench.doors:
        for _ in range(20):
            await bench.ask(door, pieces)
    figures = [(await bench.ask("guarded", pieces), await bench.ask("unguarded", pieces)) for _ in range(pairs)]
    guarded, plain = zip(*figures, strict=True)
    first, whole = (Cost.of([each[at] for each in guarded], [each[at] for each in plain]) for at in (0, 1))
    return first, whole


def table(found: Mapping[tuple[str, str], Lag]) -> Iterator[str]:
    kinds = ("held", "beyond", "records")
    yield f"{'':25}" + "".join(f"  {kind:>8} p50 p99 most" for kind in kinds)
    for (language, size), lag in found.items():
        groups = (lag.held, lag.beyond, lag.records)
        cells = "".join(f"{percentile(each, 0.5):14d} {percentile(each, 0.99):3d} {max(each):4d}" for each in groups)
        yield f"{language:10} {size:14}{cells}"


async def measured(pairs: int) -> bool:
    """Prints the figures; whether they are as promised."""
    bench = Bench.opened()
    found = await lags(bench)
    together = Lag()
    for each in found.values():
        together.add(each)
    print("\n".join(table({**found, ("all", ""): together})))
    print(f"\n{'detector':16}held beyond  what waited then")
    for name in DETECTORS:
        each = held_by(name)
        print(f"{name:16}{each.most:4} {each.beyond:6}  {each.waited!r}")
    first, whole = await costs(bench, pairs)
    records = len(pieces_of(PROSE["English"], "words"))
    print(f"\nCPU to the first text: {first}\nCPU of the whole stream in {records} records: {whole}")
    return percentile(together.held, 0.99) <= MOST_HELD and first.growth <= MOST_GROWTH


@click.command()
@click.option("--pairs", default=200, show_default=True, type=click.IntRange(1), help="Pairs of exchanges for the CPU.")
def main(pairs: int) -> None:
    """How far guards hold clean prose back, and what the first delivered text costs."""
    if not asyncio.run(measured(pairs)):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
