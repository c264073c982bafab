from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from kapagate.chain import problems
from kapagate.chain.problem import Kind
from kapagate.cli import codes as exit_codes
from kapagate.demo.scenes import SCENES
from kapagate.demo.stage import Stage, stage
from kapagate.guards.personal import DETECTORS
from kapagate.kapa.operations import OPERATIONS
from kapagate.machine.clock import SystemClock
from kapagate.telemetry.access import line
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.web.probe import Lifecycle, Probe
from tests.docs.pages import ROOT, blocks, codes, rows
from tests.exchanges import exchange

Declared = dict[str, tuple[str, tuple[str, ...]]]
DECLARED: Declared = {}


class RecordingMeter(PrometheusMeter):
    """The gateway's own meter, which notes what is declared."""

    def counter(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Any:
        DECLARED[name] = "counter", tuple(labels)
        return super().counter(name, documentation, labels)

    def gauge(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Any:
        DECLARED[name] = "gauge", tuple(labels)
        return super().gauge(name, documentation, labels)

    def histogram(
        self, name: str, documentation: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> Any:
        DECLARED[name] = "histogram", tuple(labels)
        return super().histogram(name, documentation, labels, buckets)

    def watch(self, name: str, documentation: str, look: Any) -> None:
        DECLARED[name] = "gauge", ()
        super().watch(name, documentation, look)


@pytest.fixture
async def played(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A gateway with the example policy, after a run of traffic."""
    DECLARED.clear()
    monkeypatch.setattr("kapagate.run.PrometheusMeter", RecordingMeter)
    async with stage() as scenery:
        for play in SCENES:
            await play(scenery)
        await scenery.ask("GET", "//")
        yield scenery


def test_every_problem_has_its_row_in_the_order_of_the_code() -> None:
    kinds = [each for each in vars(problems).values() if isinstance(each, Kind)]
    told = [(codes(name)[0], int(status)) for name, status, *_ in rows("problems.md", "`type`")]
    assert told == [(kind.name, kind.status) for kind in kinds]


def test_the_problem_that_is_shown_is_one() -> None:
    (shown,) = (json.loads(block) for block in blocks(ROOT / "docs" / "problems.md", "json"))
    kind = next(
        each for each in vars(problems).values() if isinstance(each, Kind) and shown["type"].endswith(each.name)
    )
    assert (shown["title"], shown["status"]) == (kind.title, kind.status)


async def test_every_metric_has_its_row(played: Stage) -> None:
    told = {codes(name)[0]: (kind, tuple(codes(labels))) for name, kind, labels, _ in rows("metrics.md", "metric")}
    assert told == DECLARED


async def test_the_metrics_port_shows_these_metrics_and_the_clients_own(played: Stage) -> None:
    shown = {family.name for family in text_string_to_metric_families(await played.metrics())}
    own = {name for name in shown if not name.startswith(("process_", "python_"))}
    told = {codes(row[0])[0].removesuffix("_total") for row in rows("metrics.md", "metric")}
    assert own == told


async def test_every_member_of_a_record_has_its_row(played: Stage) -> None:
    await played.gateway.ledger.flush()
    records = await played.gateway.ledger.query(100)
    told = {member for row in rows("audit.md", "member") for member in codes(row[0])}
    assert told == {member for record in records for member in record} - {"id"}


async def test_every_outcome_of_a_record_has_its_row(played: Stage) -> None:
    await played.gateway.ledger.flush()
    found = {record["outcome"] for record in await played.gateway.ledger.query(100)}
    assert found <= {codes(row[0])[0] for row in rows("audit.md", "`outcome` | when")}


def test_every_operation_has_its_row_with_address_and_permission() -> None:
    told = [tuple(codes(cell)[0] for cell in row[:3]) for row in rows("kapa.md", "operation")]
    assert told == [
        (f"kapa.{each.name}", f"{each.method} {each.template}", each.permission) for each in OPERATIONS.values()
    ]


def test_every_finding_has_its_row_with_its_placeholder() -> None:
    told = {codes(row[0])[0]: codes(row[1])[0] for row in rows("guards.md", "kind")}
    assert told == {name: detector.placeholder for name, detector in DETECTORS.items()}


def test_the_lag_of_every_finding_is_told() -> None:
    told = {codes(row[0])[0]: int(row[1]) for row in rows("guards.md", "finding")}
    assert told == {name: detector.longest for name, detector in DETECTORS.items()}


def test_the_exit_codes_are_told() -> None:
    told = {int(row[0]) for row in rows("operations.md", "exit code")}
    assert told == {0, 2, *integers(vars(exit_codes))}


def integers(names: dict[str, Any]) -> Iterator[int]:
    return (value for name, value in names.items() if name.isupper() and isinstance(value, int))


def test_the_probes_are_told() -> None:
    probe = Probe(Lifecycle(), (), SystemClock(), "1", bytes, "")
    told = [codes(row[0])[0] for row in rows("operations.md", "probe")]
    assert told == [route.path for route in probe.routes() if isinstance(route, web.RouteDef)]


def test_the_log_line_that_is_shown_has_the_fields_of_one() -> None:
    (shown,) = (json.loads(block) for block in blocks(ROOT / "docs" / "operations.md", "json"))
    assert set(shown) == {*json.loads(line(exchange())), "problem", "step"}
