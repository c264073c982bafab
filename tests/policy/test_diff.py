"""Pairs of policies with known labels: no loosening is missed, and nothing is told that did not change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kapagate.policy.diff import diff
from kapagate.policy.load import Layers, Loaded
from kapagate.remote.references import References
from kapagate.run import offline

CORPUS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "diffs" / "pairs.yaml").read_text())
PAIRS = CORPUS["pairs"]
EXCEPTION = """---
apiVersion: kapagate.dev/v1
kind: Exception
tenant: acme
step: ask
field: max_length
value: 9000
reason: logs
approver: ada
expiry: "2030-01-01T00:00:00Z"
"""
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
    excepted = before + EXCEPTION
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
