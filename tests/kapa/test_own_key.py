"""The gateway's own key does not come back, however the answer is cut."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.events import Identifiers, Sources, Text
from kapagate.answer.report import Report
from kapagate.answer.window import Window
from kapagate.kapa.own_key import OwnKey, rules_against

KEY = "-".join(("kapa", "kapa", "own"))
words = st.lists(st.sampled_from([KEY, KEY[:5], KEY[4:], KEY[:-1], "kapa-", " ", "text", "é"]), max_size=12)


def delivered(pieces: list[str]) -> str:
    rules, report = (rules_against(KEY, "kapa"),), Report()
    report.enrol(rules)
    window = Window(rules, report)
    events = []
    for piece in pieces:
        window.add(Text(piece))
        events += window.release()
    events += window.release(final=True)
    return "".join(event.text for event in events if isinstance(event, Text))


@given(words, st.lists(st.integers(0, 200), max_size=8))
def test_every_cut_delivers_the_same_and_never_the_key(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(places)]
    assert delivered(pieces) == delivered([text])
    assert delivered(list(text)) == delivered([text])
    assert KEY not in delivered([text])


def test_clean_text_waits_for_nothing_but_what_may_be_the_key() -> None:
    rule = OwnKey(KEY)
    assert rule.scan("all of this is prose", 0, False) == ([], 20)
    assert rule.scan("ends with kap", 0, False) == ([], 10)
    assert rule.clean(["prose", "more"])
    assert not rule.clean(["prose", f"it is {KEY}."])


def test_addresses_and_identifiers_lose_it_too() -> None:
    rule = OwnKey(KEY)
    sources = Sources([{"source_url": f"https://d/?k={KEY}", "title": "A"}])
    assert rule.without(sources).value == [{"source_url": "https://d/?k=<secret>", "title": "A"}]
    clean = Identifiers({"thread_id": "1", "question_answer_id": None})
    assert rule.without(clean) is clean
