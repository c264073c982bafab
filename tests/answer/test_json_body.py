from __future__ import annotations

import pytest

from kapagate.answer.codec import Garbled
from kapagate.answer.events import Other, Place
from kapagate.answer.json_body import JsonBody
from kapagate.answer.places import places_in
from kapagate.answer.rules import AnswerRules
from tests.answer.toys import Digits, pump_now


def test_is_read_once_at_its_end_and_written_again() -> None:
    codec = JsonBody(places_in)
    assert list(codec.decode(b'{"a": ["12')) == []
    assert list(codec.decode(b'345"]}')) == []
    (event,) = codec.end()
    assert event == Other({"a": ["12345"]}, (Place(("a", 0), "other"),))
    assert codec.encode([event]) == b""
    assert codec.finish([]) == b'{"a":["12345"]}'


def test_edits_texts_and_keeps_the_order_of_keys() -> None:
    raw = b'{"z": "12345", "a": 12345, "m": null}'
    assert (
        pump_now([raw], JsonBody(places_in), [AnswerRules("d", texts=(Digits(),))]) == b'{"z":"<n>","a":12345,"m":null}'
    )


def test_a_dropped_value_is_null() -> None:
    assert pump_now([b"[1]"], JsonBody(places_in), [AnswerRules("x", event=lambda _: None)]) == b"null"


def test_what_is_not_json_is_garbled() -> None:
    with pytest.raises(Garbled):
        pump_now([b"[1"], JsonBody(places_in))
