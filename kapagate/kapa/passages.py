"""Kapa's retrieval array and page of documents: one record whose contents are passages and whose titles are titles.

[{"source_url", "content"}]      {"results": [{"document_id", "source_url", "title", "content", ...}], "page", ...}
"""

from __future__ import annotations

from typing import Any

from kapagate.answer.events import Place
from kapagate.answer.json_body import JsonBody
from kapagate.answer.places import places_in
from kapagate.kapa.texts import NAMES, PASSAGE_KINDS, UNTOUCHED


class PassagesCodec(JsonBody):
    """Every string is guarded but URLs and ids; strings under keys that we do not know have the kind `other`."""

    def __init__(self) -> None:
        super().__init__(_places)


def _places(value: Any) -> tuple[Place, ...]:
    return places_in(value, PASSAGE_KINDS, UNTOUCHED, names=NAMES)
