from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.edits import Edits
from kapagate.answer.refusal import Refused
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, Edit

Found = tuple[int, int, int, int]


def spans(found: list[Found]) -> list[tuple[int, int, str, int]]:
    edits = Edits()
    for start, length, severity, order in found:
        text = f"{start},{length},{severity},{order}"
        edits.add(Edit(start, start + length, text, "k", severity), 0, f"s{order}", order)
    return [(each.start, each.end, each.winner.text, each.findings.total()) for each in edits.take(1_000)]


def test_edits_that_overlap_merge_and_those_that_touch_do_not() -> None:
    assert spans([(0, 4, 1, 0), (3, 3, 2, 1), (6, 2, 1, 0)]) == [(0, 6, "3,3,2,1", 2), (6, 8, "6,2,1,0", 1)]


def test_a_late_edit_joins_spans_that_stood_apart() -> None:
    assert spans([(0, 3, 3, 0), (5, 3, 1, 0), (2, 4, 2, 1)]) == [(0, 8, "0,3,3,0", 3)]


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 9), st.integers(1, 3), st.integers(0, 2)), max_size=15, unique=True
    ),
    st.randoms(use_true_random=False),
)
def test_merging_does_not_depend_on_the_order_of_arrival(found: list[Found], random: Random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    merged = spans(found)
    assert spans(shuffled) == merged
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(merged))
    assert sum(each[3] for each in merged) == len(found)


def test_never_releases_half_an_edit() -> None:
    edits = Edits()
    edits.add(Edit(2, 5, "x", "k"), 10, "s", 0)
    assert [edits.floor(upto) for upto in (11, 12, 13, 14, 15, 16)] == [11, 12, 12, 12, 15, 16]
    assert edits.take(14) == []
    assert [(each.start, each.end) for each in edits.take(15)] == [(12, 15)]
    assert not edits


def test_original_text_below_an_edit_that_is_next_is_not_needed() -> None:
    edits = Edits()
    edits.add(Edit(2, 5, "x", "k"), 0, "s", 0)
    assert (edits.beyond(1), edits.beyond(2)) == (1, 5)


def test_settling_counts_every_finding_and_refuses_where_one_refuses() -> None:
    report = Report()
    report.enrol([AnswerRules("a"), AnswerRules("b")])
    edits = Edits()
    edits.add(Edit(0, 4, "x", "mild", severity=9), 0, "a", 0)
    edits.add(Edit(1, 2, "y", "hard", severity=1, refuse=True), 0, "b", 1)
    (span,) = edits.take(4)
    with pytest.raises(Refused) as refused:
        span.settle(report)
    assert (refused.value.step, refused.value.kind) == ("b", "hard")
    assert report.steps["a"].edits == {"mild": 1}
    assert report.steps["b"].edits == {"hard": 1}
