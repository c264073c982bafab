from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.filter import Contradicted, Invalid
from kapagate.guards.custom import CustomDetector, custom_detectors, forgiving, personal_data
from kapagate.guards.personal import PersonalData
from tests.guards.pieces import delivered, streamed, whole

STAFF: dict[str, Any] = {"pattern": r"\bEMP-\d{4,6}\b", "matches": ["it was EMP-12345"], "leaves": ["EMP-12"]}
PATIENT: dict[str, Any] = {
    "pattern": r"\b\d{3} ?\d{3} ?\d{3}\b",
    "check": "luhn",
    "context": ["patient", "Krankenakte"],
    "action": "mask",
    "matches": ["patient 046 454 286"],
    "leaves": ["order 046 454 286", "patient 046 454 287"],
}
OPEN: dict[str, Any] = {"pattern": r"case:\w+", "max_match": 12, "matches": ["case:ab"], "action": "refuse"}


def rule(**declared: dict[str, Any]) -> PersonalData:
    made = personal_data("allow", (), {name: CustomDetector(**each) for name, each in declared.items()})
    assert made is not None
    return made


ALL_THREE = rule(staff=STAFF, patient=PATIENT, case=OPEN)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("ask EMP-12345, please", "ask <staff>, please"),
        ("ask EMP\u200b-12&#51;45 now", "ask <staff> now"),
        ("XEMP-12345 EMP-1234567", "XEMP-12345 EMP-1234567"),
        ("patient no. 046 454 286 is here", "patient no. ****4286 is here"),
        ("in der KRANKENAKTE 046454286.", "in der KRANKENAKTE ****4286."),
        ("order 046 454 286", "order 046 454 286"),
        ("patient 046 454 287", "patient 046 454 287"),
        ("patient" + " " * 60 + "046 454 286", "patient" + " " * 60 + "046 454 286"),
    ],
)
def test_finds_what_the_policy_describes(text: str, becomes: str) -> None:
    assert delivered(ALL_THREE, text) == becomes


def test_a_match_without_bound_ends_at_its_most() -> None:
    (edit,) = whole(ALL_THREE, "case:" + "a" * 40)
    assert (edit.start, edit.end, edit.refuse) == (0, 12, True)


texts = st.lists(
    st.sampled_from(
        [*("EMP-12345", "EMP-1", "EMP", "patient", "046 454 286", "04", "case:", "case:ab"), *"- 1éx", "%34"]
    ),
    max_size=12,
).map("".join)


@given(texts, st.lists(st.integers(0, 120), max_size=8))
def test_edits_do_not_depend_on_how_the_text_was_cut(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(places)]
    assert streamed(ALL_THREE, pieces) == whole(ALL_THREE, text)
    assert streamed(ALL_THREE, text) == whole(ALL_THREE, text)


def test_clean_prose_does_not_wait_for_them() -> None:
    text = "The quick brown fox jumps "
    assert rule(staff=STAFF).scan(text, 0, False) == ((), len(text))
    assert rule(staff=STAFF).scan("it was EMP-12", 0, False) == ((), 7)


@pytest.mark.parametrize(
    ("declared", "at", "why"),
    [
        ({"pattern": "a+", "matches": ["a"]}, ("pattern",), "max_match"),
        ({"pattern": "a{2}", "matches": ["aa"], "max_match": 9}, ("max_match",), "at most 2"),
        ({"pattern": "(?=a)b", "matches": ["b"]}, ("pattern",), "look-around"),
        ({"pattern": "ab", "matches": ["ab", "xab", "ba"]}, ("matches", 2), "finds nothing in it"),
        ({"pattern": "ab", "matches": ["ab"], "leaves": ["b", "cab"]}, ("leaves", 1), "finds something in it"),
    ],
)
def test_what_cannot_work_is_refused_at_its_place(
    declared: dict[str, Any], at: tuple[str | int, ...], why: str
) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        rule(own=declared)
    assert refused.value.at == ("detectors", "own", *at)
    assert isinstance(refused.value, Contradicted) is (at[0] in ("matches", "leaves"))


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(Invalid, match="already"):
        custom_detectors({"card": CustomDetector(**STAFF)}, frozenset({"card"}))


def test_two_hundred_detectors_are_one_rule() -> None:
    many = {each: {"pattern": rf"\bK{each:03d}-\d{{6}}", "matches": [f"K{each:03d}-123456"]} for each in range(200)}
    all_of_them = rule(**{f"no{each}": declared for each, declared in many.items()})
    assert delivered(all_of_them, "K007-123456, K199-000000 and K200-123456") == "<no7>, <no199> and K200-123456"


def test_detectors_that_are_too_large_together_are_refused() -> None:
    many = {
        f"no{each}": {"pattern": rf"(?:\w{{1,900}}-){{1}}x{each}", "matches": [f"a-x{each}"]} for each in range(300)
    }
    with pytest.raises(Invalid, match="too large"):
        rule(**many)


def test_errors_of_an_upstream_are_redacted_instead_of_refused() -> None:
    forgiven = forgiving({"case": CustomDetector(**OPEN), "patient": CustomDetector(**PATIENT)})
    assert [each.action for each in forgiven.values()] == ["redact", "mask"]


def test_a_guard_that_looks_for_nothing_has_no_rule() -> None:
    assert personal_data("allow", (), {}) is None
