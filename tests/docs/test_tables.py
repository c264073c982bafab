from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
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

    def alias(self, name: str, of: str) -> None:
        DECLARED[name] = DECLARED[of]
        super().alias(name, of)

    def watch_all(self, name: str, documentation: str, labels: Sequence[str], look: Any) -> None:
        DECLARED[name] = "gauge", tuple(labels)
        super().watch_all(name, documentation, labels, look)


@pytest.fixture
async def played(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A gateway with the example policy, after a run of traffic."""
    DECLARED.clear()
    monkeypatch.setattr("kapagate.offers.PrometheusMeter", RecordingMeter)
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
    told = {codes(name)[0]: (kind, tuple(codes(labels))) for name, kind, labels, *_ in rows("metrics.md", "metric")}
    assert told == DECLARED


def test_every_metric_has_the_unit_of_its_name() -> None:
    for name, _, _, unit, _ in rows("metrics.md", "metric"):
        named = re.search(r"_(seconds|characters|bytes)$", codes(name)[0])
        assert bool(unit) is not codes(name)[0].endswith(("_info", "_success"))
        assert named is None or named[1] == unit


def expressions() -> list[str]:
    """The PromQL of the page."""
    tables = (ROOT / "docs" / "metrics.md").read_text().split("\n## Questions")[1:]
    lines = [line for table in tables for line in table.splitlines() if line.startswith("|")]
    return [expression for line in lines for expression in codes(line.rpartition("? |")[2])]


def test_the_expressions_ask_for_metrics_and_labels_that_exist() -> None:
    metrics = {codes(row[0])[0]: (row[1], set(codes(row[2]))) for row in rows("metrics.md", "metric")}
    asked = set()
    for expression in expressions():
        names = re.findall(r"\b((?:kapagate|kapa|http|api)_\w+)", expression)
        assert names, expression
        for name in names:
            bare = name.removesuffix("_bucket")
            kind, labels = metrics[bare]
            assert name.endswith("_bucket") is (kind == "histogram"), expression
            asked.add(bare)
            grouped = re.findall(r"(?:by|ignoring) \(([^)]*)\)", expression)
            used = {label.strip() for group in grouped for label in group.split(",")} - {"le"}
            used |= set(re.findall(r"[{,](\w+)=", expression))
            assert used <= labels | {"action"}, expression
    assert metrics.keys() - asked <= {"kapagate_audit_full_total"}


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own tool, in Debian's package `prometheus`."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("NOT LINTED: promtool is not here (Debian: prometheus)")
    return found


def lint(*command: str, text: str) -> tuple[int, str]:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


async def test_promtool_finds_nothing_to_mend(promtool: str, played: Stage) -> None:
    assert lint(promtool, "check", "metrics", text=await played.metrics()) == (0, "")


def test_promtool_would_find_something(promtool: str) -> None:
    assert lint(promtool, "check", "metrics", text="# TYPE askedCount counter\naskedCount 1\n")[0] != 0


def test_promtool_understands_the_expressions(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"asked:{number}", "expr": text} for number, text in enumerate(expressions())]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "docs", "rules": rules}]}))
    status, said = lint(promtool, "check", "rules", str(file), text="")
    assert (status, f"{len(rules)} rules found" in said) == (0, True), said


async def test_the_metrics_port_shows_these_metrics_and_the_clients_own(played: Stage) -> None:
    shown = {family.name for family in text_string_to_metric_families(await played.metrics())}
    own = {name for name in shown if not name.startswith(("process_", "python_"))}
    told = {codes(row[0])[0].removesuffix("_total") for row in rows("metrics.md", "metric")}
    assert own == told


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
