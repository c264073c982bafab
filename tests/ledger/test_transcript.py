from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from kapagate.ledger.transcript import BLOCK, LONGEST_TEXT, Transcript


@given(st.lists(st.text()))
def test_the_hash_is_of_the_whole_text_however_it_was_cut(pieces: list[str]) -> None:
    transcript = Transcript(keeps=True)
    for piece in pieces:
        transcript.add(piece)
    assert transcript.digest() == hashlib.sha256("".join(pieces).encode()).hexdigest()
    assert transcript.text() == "".join(pieces)


@given(st.lists(st.integers(0, 2 * BLOCK), max_size=8))
def test_the_hash_of_long_texts_is_of_the_whole_text_too(lengths: list[int]) -> None:
    pieces = [chr(0xE0 + number) * length for number, length in enumerate(lengths)]
    transcript = Transcript(keeps=True)
    for piece in pieces:
        transcript.add(piece)
    assert transcript.digest() == transcript.digest() == hashlib.sha256("".join(pieces).encode()).hexdigest()
    assert transcript.text() == "".join(pieces)[:LONGEST_TEXT]


def test_text_is_kept_up_to_its_bound() -> None:
    transcript = Transcript(keeps=True)
    for _ in range(20):
        transcript.add("x" * 1000)
    assert transcript.text() == "x" * LONGEST_TEXT


def test_without_being_asked_no_text_is_kept() -> None:
    transcript = Transcript(keeps=False)
    transcript.add("private")
    assert transcript.text() == ""
    assert transcript.digest() == hashlib.sha256(b"private").hexdigest()
