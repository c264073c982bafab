from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.answer.events import Text
from kapagate.chain.exchange import Exchange
from kapagate.chain.meter import Meter
from kapagate.chain.problem import BackendFailed, Problem
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.filters.audit import Audit
from kapagate.ledger.ledger import Ledger, Place, Row
from kapagate.machine.clock import SystemClock
from kapagate.stores.ring import MemoryLedger
from kapagate.stores.sqlite import SqliteLedger
from kapagate.telemetry.prometheus import PrometheusMeter
from tests.exchanges import exchange


class BrokenLedger(MemoryLedger):
    async def reserve(self) -> MemoryLedger:
        raise BackendFailed("disk full")


class FullLedger(BrokenLedger):
    def fill_unreserved(self, row: Row) -> bool:
        return False


class Bench:
    """An audit step with its ledger and meter."""

    def __init__(self, ledger: Ledger | None = None, **options: Any) -> None:
        self.ledger: Ledger = ledger or MemoryLedger()
        self.meter = PrometheusMeter()
        self.step: Step = Audit(**options).compile(Services({Ledger: self.ledger, Meter: self.meter}))

    async def request(self, ex: Exchange) -> None:
        assert self.step.on_request is not None
        assert await self.step.on_request(ex) is None

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
    "options", [{"include": ["passwords"]}, {"on_full": "ignore"}, {"durability": "sync"}, {"x": 1}]
)
def test_options_are_strict(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Audit(**options)


def test_a_place_is_what_the_ledger_gave() -> None:
    place: Place = MemoryLedger()
    place.release()
