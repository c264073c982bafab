from __future__ import annotations

from collections import Counter

import pytest

from bench.scorecard import TOUCHED_AT_MOST, Found, figures, scores, streamed, summed, touched, whole
from bench.scorecard_corpus import SENTENCES, Sample, corpus
from kapagate.guards.personal import PersonalData
from tests.docs.pages import codes, rows

RULE = PersonalData()
SAMPLES = list(corpus(each=20, seed=5))
FOUND: list[Found] = [whole(RULE, sample.text) for sample in SAMPLES]
FLOORS = {codes(row[0])[0]: float(row[4]) for row in rows("scorecard.md", "kind") if len(row) > 5}


@pytest.mark.parametrize("kind", FLOORS)
def test_no_figure_falls_below_its_floor(kind: str) -> None:
    precision, recall, _ = figures(summed(scores(SAMPLES, FOUND))[kind])
    assert precision >= FLOORS[kind]
    assert recall >= FLOORS[kind]


def test_the_page_has_a_floor_for_every_kind_of_the_corpus() -> None:
    assert {sample.kind for sample in SAMPLES if sample.kind} == set(FLOORS)


def test_texts_that_must_stay_stay() -> None:
    assert touched(SAMPLES, FOUND) <= TOUCHED_AT_MOST


def test_what_is_found_is_the_same_when_texts_come_in_pieces() -> None:
    for sample, found in zip(SAMPLES[::9], FOUND[::9], strict=True):
        assert sorted(streamed(RULE, sample.text)) == sorted(found)


def test_the_corpus_knows_where_its_values_stand_in_eight_languages() -> None:
    assert len(SENTENCES) == 8
    assert all(0 <= each.start < each.end <= len(each.text) for each in SAMPLES if each.kind)


def test_a_value_is_found_when_all_of_it_is_covered() -> None:
    sample = Sample("card", "en", "a 4111 b", 2, 6)
    assert scores([sample], [[("card", 2, 6)]])["card", "en"] == Counter(found=1)
    assert scores([sample], [[("card", 2, 5)]])["card", "en"] == Counter(missed=1)
    assert scores([sample], [[("card", 7, 8)]])["card", "en"] == Counter(missed=1, false=1)
