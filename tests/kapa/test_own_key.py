"""The gateway's own key does not come back, however the answer is cut."""

from __future__ import annotations

import itertools

import orjson
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.events import Identifiers, Sources
from kapagate.answer.pump import pump_whole
from kapagate.answer.report import Report
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.own_key import OwnKey, rules_against
from tests.answer.toys import delivered, feed

KEY = "-".join(("kapa", "kapa", "own"))
words = st.lists(st.sampled_from([KEY, KEY[:5], KEY[4:], KEY[:-1], "kapa-", " ", "text", "é"]), max_size=12)


def said(pieces: list[str]) -> str:
    return delivered((rules_against(KEY, "kapa"),), pieces)


@given(words, st.lists(st.integers(0, 200), max_size=8))
def test_every_cut_delivers_the_same_and_never_the_key(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(places)]
    assert said(pieces) == said([text])
    assert said(list(text)) == said([text])
    assert KEY not in said([text])


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


def spelt(text: str, escaped: list[bool]) -> str:
    """A JSON string with some of its characters in the escapes that JSON allows (RFC 8259, 7)."""
    pairs = zip(text, itertools.cycle(escaped), strict=False)
    return "".join(f"\\u{ord(each):04x}" if hidden else each.replace("/", "\\/") for each, hidden in pairs)


@given(st.sampled_from([KEY, f"{KEY}/{KEY[:3]}"]), st.lists(st.booleans(), min_size=1, max_size=12))
async def test_a_whole_answer_loses_it_however_it_is_spelt(key: str, escaped: list[bool]) -> None:
    written = spelt(key, escaped)
    body = f'{{"answer": "it is {written}.", "thread_id": "{written}", "more": [{{"url": "/{written}"}}]}}'
    assert not OwnKey(key).absent(body.encode())
    told = await pump_whole(feed([body.encode()]), ChatJsonCodec(), [rules_against(key, "kapa")], Report())
    assert orjson.loads(told) == {"answer": "it is <secret>.", "thread_id": "<secret>", "more": [{"url": "/<secret>"}]}


async def test_a_whole_answer_without_it_is_as_it_was_and_is_counted() -> None:
    report = Report()
    body = b'{"answer":"all of this\\nis prose","thread_id":"1"}'
    assert await pump_whole(feed([body]), ChatJsonCodec(), [rules_against(KEY, "kapa")], report) == body
    assert report.steps["kapa"].checked == report.released == 20


def test_the_key_does_not_come_back_as_the_key_of_an_object() -> None:
    rule = OwnKey(KEY)
    told = rule.without(Sources([{"a": {f"x {KEY}": KEY}}]))
    assert told.value == [{"a": {"x <secret>": "<secret>"}}]
