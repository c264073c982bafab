from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from kapagate.ledger.transcript import LONGEST_TEXT, Transcript


@given(st.lists(st.text()))
def test_the_hash_is_of_the_whole_text_however_it_was_cut(pieces: list[str]) -> None:
    transcript = Transcript(keeps=True)
    for piece in pieces:
        transcript.add(piece)
    assert transcript.digest() == hashlib.sha256("".join(pieces).encode()).hexdigest()
    assert transcript.text() == "".join(pieces)


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
