from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.identity.pseudonym import Pseudonyms

PSEUDONYMS = Pseudonyms(b"k" * 32)


def test_the_same_person_has_the_same_pseudonym() -> None:
    assert PSEUDONYMS.of("acme", "ann") == Pseudonyms(b"k" * 32).of("acme", "ann")
    assert re.fullmatch(r"[0-9a-f]{32}", PSEUDONYMS.of("acme", "ann"))


def test_another_tenant_key_or_use_gives_another_pseudonym() -> None:
    names = {
        PSEUDONYMS.of("acme", "ann"),
        PSEUDONYMS.of("globex", "ann"),
        PSEUDONYMS.of("acme", "bob"),
        PSEUDONYMS.session("acme", "ann"),
        Pseudonyms(b"l" * 32).of("acme", "ann"),
    }
    assert len(names) == 5


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_no_two_pairs_share_an_input(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (PSEUDONYMS.of(*one) == PSEUDONYMS.of(*other)) == (one == other)


def test_where_a_tenant_ends_matters() -> None:
    assert PSEUDONYMS.of("ac", "meann") != PSEUDONYMS.of("acme", "ann")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Pseudonyms(b"k" * 31)


def test_a_seal_is_of_one_tenant_subject_and_name_alone() -> None:
    pseudonyms = Pseudonyms(b"k" * 32)
    sealed = {
        pseudonyms.seal(*said)
        for said in (
            ("a", "b", "c"),
            ("a", "bc", ""),
            ("ab", "c", ""),
            ("a", "", "bc"),
            ("a", "1", "1:c"),
            ("a", "11", ":c"),
        )
    }
    assert len(sealed) == 6
    assert pseudonyms.seal("a", "b", "c") == Pseudonyms(b"k" * 32).seal("a", "b", "c")
    assert pseudonyms.seal("a", "b", "c") != pseudonyms.of("a", "b")
