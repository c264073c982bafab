"""Kapa's stream format: JSON objects, each followed by the visible character U+241E.

The order is `partial_answer`..., `relevant_sources`, `metadata`, `identifiers`. Every object is wrapped as
`{"chunk": {"type", "content", "stream_end"}}`; the last one of a good stream is `identifiers`, of a failed one `error`.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from kapagate.standin.answers import Answer
from kapagate.standin.directives import Faults

SEPARATOR = "\u241e".encode()
_ESCAPED = b"\\u241e"
_PIECE = 12  # characters: short enough that an e-mail address is split over several records


def encode_record(kind: str, content: dict[str, object], *, end: bool = False) -> bytes:
    """One record with its separator; a separator inside its strings is escaped."""
    encoded = orjson.dumps({"chunk": {"type": kind, "content": content, "stream_end": end}})
    return encoded.replace(SEPARATOR, _ESCAPED) + SEPARATOR


def encode_stream(answer: Answer, faults: Faults) -> Iterator[bytes]:
    """The answer as records, with the faults of streams."""
    texts = [encode_record("partial_answer", {"text": piece}) for piece in _split(answer.text)]
    middle = (len(texts) + 1) // 2
    yield from texts[:middle]
    yield from _intruders(answer, faults)
    if faults.error_record:
        yield encode_record("error", {"reason": "The answer could not be finished."}, end=True)
        return
    yield from texts[middle:]
    yield from _closing(answer, faults)


def _split(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def _intruders(answer: Answer, faults: Faults) -> Iterator[bytes]:
    if faults.unknown_record:
        yield encode_record("stand_in_note", {"note": {"text": answer.note}, "list": [answer.note, 1, None]})
    if faults.garbage_record:
        yield b"data: this is not JSON" + SEPARATOR


def _closing(answer: Answer, faults: Faults) -> Iterator[bytes]:
    yield encode_record("relevant_sources", {"relevant_sources": [source.describe() for source in answer.sources]})
    yield encode_record("metadata", {"is_uncertain": answer.is_uncertain})
    if not faults.no_closing:
        content: dict[str, object] = {"thread_id": answer.thread_id, "question_answer_id": answer.question_answer_id}
        yield encode_record("identifiers", content, end=True)
