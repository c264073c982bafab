from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.standin.answers import Answer, compose, stretch
from kapagate.standin.directives import Faults
from kapagate.standin.specimens import SPECIMENS


def make(question: str = "How do backups work?", **faults: Any) -> Answer:
    return compose(question, Faults(**faults), thread_id="t", question_answer_id="q")


def test_the_same_question_gets_the_same_answer() -> None:
    assert make() == make()
    assert make("How do I upgrade?").text != make().text


def test_an_answer_is_about_600_bytes_of_markdown_that_cites_its_sources() -> None:
    answer = make()
    assert 450 < len(answer.text.encode()) < 750
    assert answer.sources[0].source_url in answer.text
    assert "**Backups**" in answer.text
    assert not answer.is_uncertain


def test_describes_itself_as_kapa_does() -> None:
    described = make().describe()
    assert list(described) == ["answer", "thread_id", "question_answer_id", "is_uncertain", "relevant_sources"]
    sources = described["relevant_sources"]
    assert isinstance(sources, list)
    assert set(sources[0]) == {"source_url", "title", "contains_internal_data"}
    assert "|" in sources[0]["title"]


def test_quotes_personal_data_when_asked() -> None:
    answer = make(pii=True)
    assert all(specimen in answer.text and specimen in answer.note for specimen in SPECIMENS.values())
    assert not any(specimen in make().text for specimen in SPECIMENS.values())


def test_is_uncertain_when_asked() -> None:
    answer = make(uncertain=True)
    assert answer.is_uncertain
    assert "not sure" in answer.text


def test_has_no_sources_when_asked() -> None:
    answer = make(no_sources=True)
    assert answer.sources == ()
    assert "http" not in answer.text


def test_echoes_the_question_word_for_word() -> None:
    assert make("Is a␞b  here?", echo=True).text == "Is a␞b  here?"


@pytest.mark.parametrize("size", [1, 100, 600, 4096, 100_000])
def test_is_as_long_as_asked(size: int) -> None:
    assert len(make(size=size).text.encode()) == size


@given(st.text(), st.integers(1, 500))
def test_stretching_never_splits_a_character(text: str, size: int) -> None:
    assert size - 3 <= len(stretch(text, Faults(size=size)).encode()) <= size
