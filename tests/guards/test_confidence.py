"""The score is what its table says."""

from __future__ import annotations

import itertools

import pytest

from kapagate.guards.confidence import EARLY, score


@pytest.mark.parametrize(
    ("uncertain", "sources", "phrase", "expected"),
    [
        (False, 3, None, 1.0),
        (False, 9, None, 1.0),
        (False, 2, None, 0.95),
        (False, 1, None, 0.85),
        (False, 0, None, 0.6),
        (True, 3, None, 0.5),
        (False, 3, 0, 0.5),
        (False, 3, EARLY - 1, 0.5),
        (False, 3, EARLY, 0.8),
        (False, 1, EARLY, 0.65),
        (True, 0, None, 0.1),
        (True, 0, 5, 0.0),
        (True, 1, 5, 0.0),
    ],
)
def test_each_sign_takes_its_share(uncertain: bool, sources: int, phrase: int | None, expected: float) -> None:
    assert score(uncertain, sources, phrase) == expected


def test_no_sign_makes_an_answer_surer() -> None:
    for sources, phrase in itertools.product(range(5), (None, EARLY, 0)):
        assert score(True, sources, phrase) <= score(False, sources, phrase)
        assert score(False, sources, phrase) <= score(False, sources + 1, phrase)
        assert score(False, sources, 0) <= score(False, sources, phrase) <= score(False, sources, None)
