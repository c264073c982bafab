from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.answer.events import Text
from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.meter import Meter
from kapagate.chain.problem import BackendFailed, Gone, Problem
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.filters.audit import Audit
from kapagate.ledger.ledger import Ledger, Row
from kapagate.machine.clock import SystemClock
from kapagate.stores.ring import MemoryLedger
from kapagate.stores.sqlite import SqliteLedger
from kapagate.telemetry.prometheus import PrometheusMeter
from tests.chain.conftest import FakeClock
from tests.exchanges import exchange
from tests.filters.gateway import load


class BrokenLedger(MemoryLedger):
    def take(self) -> bool:
        return False

    async def reserve(self) -> None:
        raise BackendFailed("disk full")


class FullLedger(BrokenLedger):
    def fill_unreserved(self, row: Row, settles: str = "") -> bool:
        return False


class SlowLedger(MemoryLedger):
    """A disk that can be broken; notes in which order what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.broken = False

    def intend(self, decision: str, intent: Row) -> None:
        self.asked.append("intend")

    def fill(self, row: Row, settles: str = "") -> None:
        self.asked.append(f"fill {settles}".strip())
        super().fill(row, settles)

    def fill_unreserved(self, row: Row, settles: str = "") -> bool:
        self.asked.append(f"fill unreserved {settles}".strip())
        return super().fill_unreserved(row, settles)

    async def flush(self) -> None:
        self.asked.append("flush")
        if self.broken:
            raise BackendFailed("disk full")


class Bench:
    """An audit step with its ledger and meter."""

    def __init__(self, ledger: Ledger | None = None, **options: Any) -> None:
        self.ledger: Ledger = ledger or MemoryLedger()
        self.meter = PrometheusMeter()
        self.step: Step = Audit(**options).compile(
            Services({Ledger: self.ledger, Meter: self.meter, Clock: FakeClock()})
        )

    async def request(self, ex: Exchange) -> None:
        assert self.step.on_request is not None
        assert await self.step.on_request(ex) is None

    async def seal(self, ex: Exchange) -> None:
        assert self.step.on_seal is not None
        await self.step.on_seal(ex)

    def done(self, ex: Exchange) -> None:
        assert self.step.on_done is not None
        self.step.on_done(ex)

    async def records(self) -> list[dict[str, Any]]:
        return await self.ledger.query(100)

    def count(self, series: str) -> float:
        found = [line for line in self.meter.render().decode().splitlines() if line.startswith(series)]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


async def test_a_place_is_reserved_before_and_filled_after() -> None:
    bench, ex = Bench(), exchange()
    await bench.request(ex)
    assert bench.ledger.held == 1
    bench.done(ex)
    assert bench.ledger.held == 0
    (record,) = await bench.records()
    assert (record["decision"], record["subject"], record["outcome"]) == (ex.decision, "alice", "answered")


async def test_what_never_reached_the_step_is_recorded_out_of_the_share() -> None:
    bench = Bench()
    bench.done(exchange(principal=None, status=401))
    assert [record["tenant"] for record in await bench.records()] == ["none"]
    assert bench.ledger.held == 0


async def test_a_request_that_cannot_be_recorded_is_refused() -> None:
    bench = Bench(BrokenLedger())
    with pytest.raises(Problem) as refused:
        await bench.request(exchange())
    assert (refused.value.kind.status, refused.value.retry_after) == (503, 1.0)
    assert "disk" not in refused.value.detail
    assert bench.count('kapagate_audit_full_total{action="refused"}') == 1


@pytest.mark.parametrize(("on_full", "refused"), [("refuse", True), ("serve", False)])
async def test_a_database_that_is_none_refuses_or_serves_as_the_policy_says(
    tmp_path: Path, on_full: str, refused: bool
) -> None:
    path = tmp_path / "audit.db"
    os.mkdir(path)
    ledger = SqliteLedger(path, SystemClock(), retry=60.0)
    await ledger.start()
    bench, ex = Bench(ledger, on_full=on_full), exchange()
    with pytest.raises(Problem, match="unavailable") if refused else contextlib.nullcontext():
        await bench.request(ex)
    bench.done(ex)
    os.rmdir(path)
    await ledger.flush()
    assert len(await ledger.query(10)) == 1
    await ledger.close()


async def test_on_full_serve_serves_and_counts() -> None:
    bench, ex = Bench(BrokenLedger(), on_full="serve"), exchange()
    await bench.request(ex)
    bench.done(ex)
    assert bench.count('kapagate_audit_full_total{action="served"}') == 1
    assert len(await bench.records()) == 1


async def test_a_record_that_finds_no_place_at_all_is_counted_as_missed() -> None:
    bench, ex = Bench(FullLedger(), on_full="serve"), exchange()
    await bench.request(ex)
    bench.done(ex)
    assert bench.count("kapagate_audit_missed_total") == 1


@pytest.mark.parametrize(("include", "text"), [((), None), (("answer",), "Hello world")])
async def test_the_delivered_answer_is_hashed_and_kept_only_on_request(
    include: tuple[str, ...], text: str | None
) -> None:
    bench, ex = Bench(include=include), exchange()
    await bench.request(ex)
    for piece in ("Hello ", "world"):
        ex.report.tell(Text(piece))
    bench.done(ex)
    ((record),) = await bench.records()
    assert record["answer"]["characters"] == 11
    assert len(record["answer"]["sha256"]) == 64
    assert record["answer"].get("text") == text


async def test_a_bug_in_a_record_takes_no_place_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, ex = Bench(), exchange()
    await bench.request(ex)
    monkeypatch.setattr(ex, "times", None)
    with pytest.raises(AttributeError):
        bench.done(ex)
    assert bench.ledger.held == 0


async def test_two_audits_do_not_share_places() -> None:
    first, second, ex = Bench(), Bench(), exchange()
    await first.request(ex)
    await second.request(ex)
    first.done(ex)
    second.done(ex)
    assert len(await first.records()) == len(await second.records()) == 1


def test_nobody_can_watch_an_audit_in_shadow_or_let_it_fail_silently() -> None:
    assert Audit.modes == {"enforce", "off"}
    assert Audit.failures == {"deny"}


@pytest.mark.parametrize(
    "options", [{"include": ["passwords"]}, {"on_full": "ignore"}, {"durability": "never"}, {"x": 1}]
)
def test_options_are_strict(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Audit(**options)


async def test_sync_is_durable_before_the_request_goes_on_and_before_the_last_bytes_leave() -> None:
    ledger = SlowLedger()
    bench, ex = Bench(ledger, durability="sync"), exchange()
    await bench.request(ex)
    assert ledger.asked == ["intend", "flush"]
    await bench.seal(ex)
    bench.done(ex)
    assert ledger.asked[2:] == [f"fill {ex.decision}", "flush"]
    assert ledger.held == 0
    assert [record["outcome"] for record in await bench.records()] == ["answered"]


async def test_sync_asks_nothing_upstream_whose_intent_is_not_durable() -> None:
    ledger = SlowLedger()
    bench, ex = Bench(ledger, durability="sync"), exchange()
    ledger.broken = True
    with pytest.raises(Problem, match="unavailable"):
        await bench.request(ex)
    assert bench.count('kapagate_audit_full_total{action="refused"}') == 1
    bench.done(ex)
    assert ledger.held == 0


async def test_sync_keeps_an_answer_back_whose_record_is_not_durable() -> None:
    ledger = SlowLedger()
    bench, ex = Bench(ledger, durability="sync"), exchange()
    await bench.request(ex)
    ledger.broken = True
    with pytest.raises(Problem, match="unavailable") as refused:
        await bench.seal(ex)
    ex.refusal, ex.status = refused.value, 503
    bench.done(ex)
    found = await bench.records()
    assert [(record["outcome"], record.get("amends")) for record in found] == [("failed", True), ("answered", None)]


async def test_sync_serves_what_cannot_be_durable_where_the_policy_says_so() -> None:
    ledger = SlowLedger()
    bench, ex = Bench(ledger, durability="sync", on_full="serve"), exchange()
    ledger.broken = True
    await bench.request(ex)
    await bench.seal(ex)
    bench.done(ex)
    assert bench.count('kapagate_audit_full_total{action="served"}') == 2
    assert len(await bench.records()) == 1


async def test_sync_amends_the_record_of_a_client_that_left_over_the_last_bytes() -> None:
    bench, ex = Bench(SlowLedger(), durability="sync"), exchange()
    await bench.request(ex)
    await bench.seal(ex)
    ex.broken, ex.gone = Gone(), True
    bench.done(ex)
    found = await bench.records()
    assert [(record["outcome"], record.get("amends")) for record in found] == [("gone", True), ("answered", None)]
    assert found[0]["decision"] == found[1]["decision"]


async def test_sync_records_a_refusal_of_the_gate_before_it_is_told() -> None:
    ledger = SlowLedger()
    bench, ex = Bench(ledger, durability="sync"), exchange(principal=None, status=401)
    await bench.seal(ex)
    bench.done(ex)
    assert ledger.asked == [f"fill unreserved {ex.decision}", "flush"]


async def test_sync_lets_no_refusal_wait_that_found_no_place() -> None:
    bench, ex = Bench(FullLedger(), durability="sync"), exchange(principal=None, status=401)
    await bench.seal(ex)
    bench.done(ex)
    assert bench.count("kapagate_audit_missed_total") == 1


async def test_an_exchange_that_ends_unsealed_settles_its_intent() -> None:
    ledger = SlowLedger()
    bench, ex = Bench(ledger, durability="sync"), exchange(gone=True, status=0)
    await bench.request(ex)
    bench.done(ex)
    assert ledger.asked[2:] == [f"fill {ex.decision}"]


async def test_off_promises_nothing_and_refuses_nothing() -> None:
    bench, ex = Bench(FullLedger(), durability="off"), exchange()
    await bench.request(ex)
    bench.done(ex)
    assert bench.count("kapagate_audit_missed_total") == 1
    assert bench.count('kapagate_audit_full_total{action="refused"}') == 0
    kept = Bench(durability="off")
    await kept.request(again := exchange())
    kept.done(again)
    assert len(await kept.records()) == 1


@pytest.mark.parametrize(("durability", "lockable"), [("batched", True), ("sync", True), ("off", False)])
def test_what_promises_nothing_cannot_be_locked(durability: Any, lockable: bool) -> None:
    assert Audit(durability=durability).lockable is lockable


@pytest.mark.parametrize(
    ("durability", "locked", "said"),
    [("off", True, "promises nothing that could be locked"), ("off", False, ""), ("sync", True, "")],
)
def test_a_policy_cannot_lock_an_audit_that_promises_nothing(durability: str, locked: bool, said: str) -> None:
    step = f"  - audit: {{durability: {durability}}}\n    id: other\n    locked: {str(locked).lower()}\n"
    report = load(step).report()
    assert (said in report) if said else report == ""
