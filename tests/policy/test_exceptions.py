"""Exceptions: one option, one tenant, until a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kapagate.policy.load import Layers, Loaded
from kapagate.remote.references import References
from kapagate.run import offline

BEFORE: str = yaml.safe_load((Path(__file__).parent / "diffs" / "pairs.yaml").read_text())["before"]
LOCKED = BEFORE.replace("    id: ask\n", "    id: ask\n    locked: true\n")
EXCEPTION = """---
apiVersion: kapagate.dev/v1
kind: Exception
tenant: acme
step: ask
field: max_length
value: 5000
reason: logs
approver: ada
expiry: "1970-03-01T00:00:00Z"
"""
EXPIRY = 59 * 86_400.0
Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str, now: float = 0.0) -> Loaded:
        path = tmp_path / "policy.yaml"
        path.write_text(text)
        return offline([path], References({"PEPPER": "p" * 40, "KG_ACME_KEY": "k" * 40}), Layers(None, lambda: now))

    return load


def longest(loaded: Loaded) -> Any:
    assert loaded.generation is not None, loaded.report()
    steps = (loaded.generation.tenants["acme"].steps or loaded.generation.steps).chain
    declared: Any = next(step.declaration for step in steps if step.id == "ask")
    return declared.max_length


def codes(loaded: Loaded) -> list[str]:
    """Without KG353 and KG354, which tell of what this small policy does not use."""
    return [each.code.name for each in loaded.diagnostics if each.code.name not in ("KG353", "KG354")]


def test_it_counts_until_its_second(load: Load) -> None:
    assert longest(load(LOCKED + EXCEPTION, EXPIRY - 1)) == 5000
    assert longest(load(LOCKED + EXCEPTION, EXPIRY)) == 4000


def test_what_the_tenant_says_as_well_counts_no_longer_than_the_exception(load: Load) -> None:
    own = LOCKED + "chain: [{at: ask, set: {max_length: 5000}}]\n"
    assert codes(load(own)) == ["KG303"]
    assert longest(load(own + EXCEPTION)) == 5000
    assert longest(load(own + EXCEPTION, EXPIRY)) == 4000


def test_the_next_lapse_is_known_and_told_14_days_ahead(load: Load) -> None:
    assert load(LOCKED + EXCEPTION).lapse == EXPIRY
    assert codes(load(LOCKED + EXCEPTION, EXPIRY - 15 * 86_400)) == []
    assert codes(load(LOCKED + EXCEPTION, EXPIRY - 14 * 86_400)) == ["KG355"]
    late = load(LOCKED + EXCEPTION, EXPIRY)
    assert (codes(late), late.lapse) == (["KG356"], None)


def test_a_policy_has_another_hash_when_an_exception_lapsed(load: Load) -> None:
    before, after = (load(LOCKED + EXCEPTION, now).generation for now in (0.0, EXPIRY))
    assert before
    assert after
    assert before.policy != after.policy
    alone = load(LOCKED).generation
    assert alone
    assert alone.policy == after.policy


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("tenant: acme", "tenant: amce", "KG309"),
        ("step: ask", "step: asc", "KG301"),
        ("field: max_length", "field: max_lenght", "KG214"),
        ("field: max_length", "field: Max", "KG212"),
        ("reason: logs\n", "", "KG210"),
        ("approver: ada\n", "", "KG210"),
        ("value: 5000", "value: many", "KG211"),
        ('"1970-03-01T00:00:00Z"', '"1970-03-01T00:00:00"', "KG212"),
    ],
)
def test_a_mistake_is_found(load: Load, old: str, new: str, code: str) -> None:
    assert BEFORE.count(old) + EXCEPTION.count(old) >= 1
    assert code in codes(load(LOCKED + EXCEPTION.replace(old, new)))


def test_two_for_the_same_option_are_one_too_many(load: Load) -> None:
    assert "KG203" in codes(load(LOCKED + EXCEPTION + EXCEPTION.replace("5000", "6000")))
