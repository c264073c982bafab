"""Pairs of policies with known labels: no loosening is missed, and nothing is told that did not change."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from kapagate.policy.changes import Change
from kapagate.policy.diff import diff
from kapagate.policy.load import Layers, Loaded
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.remote.references import References
from kapagate.run import offline
from tests.policy.test_exceptions import EXCEPTION

CORPUS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "diffs" / "pairs.yaml").read_text())
PAIRS = CORPUS["pairs"]
Load = Callable[[str, str], Loaded]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A text as the policy of a side."""

    def load(text: str, side: str) -> Loaded:
        path = tmp_path / f"{side}.yaml"
        path.write_text(text)
        known = References({"PEPPER": "p" * 40, "KG_ACME_KEY": "k" * 40})
        loaded = offline([path], known, Layers(None, lambda: 0.0))
        assert loaded.ok, loaded.report()
        return loaded

    return load


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"].replace(" ", "-"))
def test_a_pair_has_its_labels(load: Load, pair: dict[str, Any]) -> None:
    before = CORPUS["before"]
    after = before.replace(pair["replace"], pair["by"])
    changes = diff(load(before, "a"), load(after, "b"))
    assert sorted({each.label for each in changes}) == sorted(pair["labels"]), changes


@pytest.mark.parametrize(
    "pair", [pair for pair in PAIRS if pair["labels"] == ["looser"]], ids=lambda pair: pair["name"].replace(" ", "-")
)
def test_what_loosens_tightens_the_other_way(load: Load, pair: dict[str, Any]) -> None:
    before = CORPUS["before"]
    after = before.replace(pair["replace"], pair["by"])
    assert {each.label for each in diff(load(after, "b"), load(before, "a"))} == {"tighter"}


def test_the_corpus_is_large_enough() -> None:
    assert len(PAIRS) >= 60
    assert len({pair["name"] for pair in PAIRS}) == len(PAIRS)


def test_a_change_has_its_places_on_both_sides(load: Load) -> None:
    before = CORPUS["before"]
    (change,) = diff(load(before, "a"), load(before.replace("max_length: 4000", "max_length: 5000"), "b"))
    assert (change.subject, change.field) == ("step ask", "max_length")
    assert (change.before.text, change.after.text) == ("4000", "5000")
    assert [Path(side.place.split(":")[0]).name for side in (change.before, change.after)] == ["a.yaml", "b.yaml"]
    assert change.before.place.endswith(":21:34")


def test_an_exception_is_a_loosening_of_its_tenant_and_so_is_a_longer_one(load: Load) -> None:
    before = CORPUS["before"]
    excepted = before + EXCEPTION.replace("5000", "9000").replace("1970", "2030")
    (change,) = diff(load(before, "a"), load(excepted, "b"))
    assert (change.label, change.tenants, change.after.text) == ("looser", ("acme",), "9000")
    (later,) = diff(load(excepted, "a"), load(excepted.replace("2030", "2031"), "b"))
    assert (later.label, later.field) == ("looser", "expiry")


def test_a_tenant_more_is_looser_and_one_less_tighter(load: Load) -> None:
    before = CORPUS["before"]
    alone = before[: before.index("---")].replace(
        "stream: window", 'stream: window, project: "00000000-0000-4000-8000-000000000009", api_key: "${env:PEPPER}"'
    )
    both = alone + before[before.index("---") :]
    assert [each.label for each in diff(load(alone, "a"), load(both, "b"))] == ["looser"]
    assert [each.label for each in diff(load(both, "a"), load(alone, "b"))] == ["tighter"]


MADE_UP = (
    ("limit: 60/min", 'limit: "${env:RATE}/min"', "step often", "limit"),
    ("max_length: 4000", 'max_length: "${env:LENGTH_LIMIT}"', "step ask", "max_length"),
    ("blocked_terms: [alpha, beta]", 'blocked_terms: [alpha, "${env:TERM}"]', "step ask", "blocked_terms"),
    ('url: "https://kapa.example"', 'url: "${env:KAPA_URL}"', "upstream kapa", "url"),
)


def changes_without_secrets(folder: Path, *sides: str) -> list[Change]:
    """Between two policies, where their references stand for nothing."""
    loaded, made_up = [], set[str]()
    for number, text in enumerate(sides):
        path = folder / f"{number}.yaml"
        path.write_text(text)
        load = partial(offline, [path], layers=Layers(None, lambda: 0.0))
        found, names = load_with_placeholders(load, References({}))
        assert found.ok, found.report()
        loaded.append(found)
        made_up.update(names)
    return diff(loaded[0], loaded[1], made_up)


@pytest.mark.parametrize(("said", "referred", "subject", "field"), MADE_UP, ids=[each[3] for each in MADE_UP])
def test_what_rests_on_placeholders_is_unknown_and_never_passed_over(
    tmp_path: Path, said: str, referred: str, subject: str, field: str
) -> None:
    """Whatever a placeholder happens to be: against a value, and against another reference."""
    before = CORPUS["before"]
    assert before.count(said) == 1
    one, other = before.replace(said, referred), before.replace(said, referred.replace("env:", "env:OTHER_"))
    for first, then in ((before, one), (one, before), (one, other)):
        (change,) = changes_without_secrets(tmp_path, first, then)
        assert (change.subject, change.field.partition(".")[0], change.label) == (subject, field, "unknown")


def test_the_same_reference_on_both_sides_is_no_change(tmp_path: Path) -> None:
    text = CORPUS["before"].replace("limit: 60/min", 'limit: "${env:RATE}/min"')
    assert changes_without_secrets(tmp_path, text, text) == []


def test_a_step_that_goes_is_looser_whatever_its_references_stand_for(tmp_path: Path) -> None:
    after = CORPUS["before"]
    step = 'rate_limit: {per: [tenant, subject], limit: "${env:RATE}/min", burst: 10}'
    before = after.replace("rate_limit: {per: [tenant, subject], limit: 60/min, burst: 10}", step)
    gone = after.replace("  - rate_limit: {per: [tenant, subject], limit: 60/min, burst: 10}\n    id: often\n", "")
    assert before != after != gone
    (change,) = changes_without_secrets(tmp_path, before, gone)
    assert (change.subject, change.label) == ("step often", "looser")
