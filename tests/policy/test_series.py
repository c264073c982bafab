"""The worst case is one: no traffic comes to more, and a policy that could come to too much is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kapagate.answer.events import Text
from kapagate.chain import problems
from kapagate.chain.generation import Generation
from kapagate.chain.meter import Meter
from kapagate.chain.problem import Kind, Problem
from kapagate.chain.services import Services
from kapagate.filters.metrics import Metrics
from kapagate.policy.load import Loaded, load_policy
from kapagate.policy.series import Worst, worst_case
from kapagate.remote.references import References
from kapagate.telemetry.prometheus import PrometheusMeter
from tests.exchanges import exchange
from tests.filters.gateway import ENVIRONMENT, SHIPPED, Gateway, policy

METRICS = "  - metrics: {}\n"


def loaded(tmp_path: Path, metrics: str = METRICS) -> Loaded:
    path = tmp_path / "gateway.yaml"
    path.write_text(policy(SHIPPED).replace(METRICS, metrics))
    return load_policy([path], References(ENVIRONMENT), lambda settings: Gateway(SHIPPED).services())


def generation_of(tmp_path: Path, metrics: str = METRICS) -> Generation:
    found = loaded(tmp_path, metrics).generation
    assert found is not None
    return found


def worst_of(generation: Generation) -> Worst:
    worst = worst_case(generation)
    assert worst is not None
    return worst


def series_of(meter: PrometheusMeter) -> Counter[str]:
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(meter.render().decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] += len(family.samples)
    return found


def test_no_traffic_comes_to_more_than_the_worst_case(tmp_path: Path) -> None:
    generation = generation_of(tmp_path)
    worst, meter = worst_of(generation), PrometheusMeter()
    on_done = Metrics().compile(Services({Meter: meter})).on_done
    assert on_done is not None
    kinds = [each for each in vars(problems).values() if isinstance(each, Kind)]
    steps = [*(each.id for each in (*generation.steps.gate, *generation.steps.chain)), ""]
    for route in generation.routes.routes:
        for method in (*sorted(route.answers), "GET", "BREW"):
            matched = generation.match(method, route.template)[0] if method not in route.answers else route
            for status in (*range(100, 620, 7), 0):
                made = exchange(matched, method=method, status=status)
                made.report.tell(Text("x"))
                for step in steps if status < 120 else ():
                    made.refusal = Problem(kinds[status % len(kinds)], "no")
                    made.refusal.step = step
                    on_done(made)
                on_done(made)
    found = series_of(meter)
    assert {name for name in found if not name.startswith(("process_", "python_"))} <= set(worst.families)
    assert {name: (found[name], most) for name, most in worst.families.items() if found[name] > most} == {}
    assert found["http_requests_total"] > worst.families["http_requests_total"] / 10


def test_every_family_of_the_filter_is_reckoned_with(tmp_path: Path) -> None:
    meter = PrometheusMeter()
    Metrics().compile(Services({Meter: meter}))
    assert set(worst_of(generation_of(tmp_path)).families) == set(meter._families)


@pytest.mark.parametrize("metrics", ["", "  - metrics: {}\n    mode: 'off'\n"])
def test_a_policy_without_metrics_has_no_series(tmp_path: Path, metrics: str) -> None:
    assert worst_case(generation_of(tmp_path, metrics)) is None


def test_a_policy_that_could_come_to_too_many_is_refused_at_the_option(tmp_path: Path) -> None:
    [problem] = loaded(tmp_path, "  - metrics: {max_series: 1000}\n").diagnostics
    line = (tmp_path / "gateway.yaml").read_text().splitlines()[problem.span.line - 1]
    assert line[problem.span.column - 1 :].startswith("1000")
    total = worst_of(generation_of(tmp_path)).total
    assert problem.code.name == "KG331"
    assert problem.message == f"this policy could come to {total} series of metrics, and 1000 are allowed"
    assert problem.note is not None
    assert problem.note.startswith("most in http_request")


def test_what_is_allowed_is_what_the_policy_says(tmp_path: Path) -> None:
    assert worst_of(generation_of(tmp_path)).allowed == 50_000
    assert worst_of(generation_of(tmp_path, "  - metrics: {max_series: 60000}\n")).allowed == 60_000
