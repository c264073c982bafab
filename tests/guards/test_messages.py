"""Words of the policy come before ours, and everybody is told something."""

from __future__ import annotations

import pytest

from kapagate.guards.messages import CUT, DISCLAIMER, WITHHELD, languages_of, spoken


@pytest.mark.parametrize("ours", [WITHHELD, DISCLAIMER, CUT])
def test_there_are_words_of_ours_in_four_languages(ours: dict[str, str]) -> None:
    assert set(ours) == {"en", "de", "fr", "es"}
    assert len(set(ours.values())) == 4


def test_a_text_alone_is_for_everybody() -> None:
    assert spoken("Ask us.", "de", WITHHELD) == "Ask us."
    assert languages_of("Ask us.", WITHHELD) == frozenset()


def test_what_a_policy_leaves_out_is_ours() -> None:
    said = {"de": "Fragt uns.", "it": "Chiedete."}
    assert [spoken(said, each, WITHHELD) for each in ("de", "it", "fr", "pl")] == [
        *("Fragt uns.", "Chiedete.", WITHHELD["fr"], WITHHELD["en"])
    ]
    assert languages_of(said, WITHHELD) == {"en", "de", "fr", "es", "it"}


def test_without_english_it_is_the_first() -> None:
    assert spoken({"de": "Eins", "fr": "Un"}, "pl") == "Eins"
