from __future__ import annotations

import json
from typing import Any

import pytest

from kapagate.answer.codec import Garbled
from kapagate.answer.events import Other, Place
from kapagate.answer.rules import AnswerRules, Limit
from kapagate.kapa.passages import PassagesCodec
from tests.answer.toys import Digits, bytes_cut, pump_now

RULES = [AnswerRules("d", texts=(Digits(),), limit=Limit(3, "…"))]
RETRIEVAL = [{"source_url": "https://d/12345", "content": "# call 12345"}, {"source_url": None, "content": "no"}]
DOCUMENTS: dict[str, Any] = {
    "results": [
        {
            "document_id": "12345678-1234-1234-1234-123456789012",
            "source_url": "https://d/12345",
            "title": "T 12345",
            "content": "call 12345",
            "total_chars": 12345,
            "truncated": False,
        },
        {"document_id": "d", "title": "t", "content": None},
    ],
    "page": 1,
    "total_items": 2,
}


def through(value: Any, cuts: range = range(0)) -> Any:
    return json.loads(pump_now(bytes_cut(json.dumps(value).encode(), cuts), PassagesCodec(), RULES))


def test_contents_are_passages_and_titles_are_titles() -> None:
    codec = PassagesCodec()
    list(codec.decode(json.dumps(DOCUMENTS).encode()))
    assert list(codec.end()) == [
        Other(
            DOCUMENTS,
            (
                Place(("results", 0, "title"), "title"),
                Place(("results", 0, "content"), "passage"),
                Place(("results", 1, "document_id"), "other"),
                Place(("results", 1, "title"), "title"),
            ),
        )
    ]


def test_edits_texts_whole_and_leaves_urls_ids_and_numbers_alone() -> None:
    out = through(DOCUMENTS, range(400))
    first = {**DOCUMENTS["results"][0], "title": "T <n>", "content": "call <n>"}
    assert out == {**DOCUMENTS, "results": [first, DOCUMENTS["results"][1]]}


def test_a_retrieval_stays_a_bare_array() -> None:
    assert through(RETRIEVAL) == [{**RETRIEVAL[0], "content": "# call <n>"}, RETRIEVAL[1]]
    assert through([]) == []


def test_guards_keys_that_nobody_here_knows() -> None:
    assert through([{"summary": "12345"}]) == [{"summary": "<n>"}]


def test_a_body_that_is_not_json_is_garbled() -> None:
    with pytest.raises(Garbled):
        pump_now([b"[1"], PassagesCodec())
