from __future__ import annotations

from typing import Any

import pytest

from kapagate.ledger.selection import EVERYTHING, Selection, canonical

RECORD: dict[str, Any] = {
    "tenant": "acme",
    "subject": "alice",
    "outcome": "answered",
    "operation": "chat",
    "correlation_id": "c",
    "decision": "d",
    "received_at": "2026-01-31T09:30:00.125Z",
    "verdicts": {
        "rbac": {"outcome": "passed"},
        "ask": {"outcome": "changed", "counts": {"email": 1}},
        "answer": {"outcome": "passed", "answer": "enforced"},
        "strict": {"outcome": "passed", "answer": "skipped(text rule failed)"},
        "watching": {"outcome": "refused", "mode": "shadow"},
    },
}


def test_everything_means_every_record() -> None:
    assert EVERYTHING.matches({})
    assert EVERYTHING.matches(RECORD)
    assert list(EVERYTHING.needles()) == []


@pytest.mark.parametrize("name", ["tenant", "subject", "outcome", "operation", "correlation_id", "decision"])
def test_members_are_compared_whole(name: str) -> None:
    assert Selection.of({name: RECORD[name]}).matches(RECORD)
    assert not Selection.of({name: RECORD[name] + "x"}).matches(RECORD)
    assert not Selection.of({name: RECORD[name]}).matches({})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"since": "2026-01-31T09:30:00.125Z"}, True),
        ({"since": "2026-01-31T09:30:00.126Z"}, False),
        ({"until": "2026-01-31T09:30:00.125Z"}, False),
        ({"until": "2026-01-31T10:30:00.126+01:00"}, True),
        ({"since": "2026-01-31T10:00:00+01:00", "until": "2026-02-01T00:00:00Z"}, True),
    ],
)
def test_a_span_begins_with_its_first_moment_and_ends_before_its_last(given: dict[str, str], meant: bool) -> None:
    assert Selection.of(given).matches(RECORD) is meant


@pytest.mark.parametrize(
    ("verdict", "meant"),
    [
        ("ask", True),
        ("ask:changed", True),
        ("ask:refused", False),
        ("rbac", False),
        ("rbac:passed", True),
        ("answer", False),
        ("answer:enforced", True),
        ("strict", True),
        ("strict:skipped", True),
        ("watching:refused", True),
        ("nobody", False),
    ],
)
def test_a_verdict_is_a_step_and_what_it_said(verdict: str, meant: bool) -> None:
    assert Selection.of({"verdict": verdict}).matches(RECORD) is meant


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tenat": "acme"}, "there is no filter 'tenat'"),
        ({"since": "yesterday"}, "expected a moment"),
        ({"until": "2026-01-31T09:30:00"}, "offset from UTC"),
        ({"since": "0001-01-01T00:00:00+23:00"}, "out of range"),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_says_why(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Selection.of(given)


def test_moments_are_written_as_in_records() -> None:
    assert canonical("2026-01-31T10:30:00+01:00") == "2026-01-31T09:30:00.000Z"
