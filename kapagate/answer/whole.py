"""The text rules on texts that arrive whole: each declared place of a record, and nothing else in it."""

from __future__ import annotations

from collections.abc import Sequence

from kapagate.answer.document import replaced_all, value_at
from kapagate.answer.edits import Edits
from kapagate.answer.events import Path, Record, TextKind
from kapagate.answer.reader import Reader
from kapagate.answer.report import Report


def edited_whole(record: Record, readers: Sequence[Reader], report: Report) -> Record:
    """The record with its texts edited. Places that lead to no string are passed over. Raises Refused, RuleFailed."""
    if not readers or not record.places:
        return record
    edited: dict[Path, str] = {}
    for place in record.places:
        text = value_at(record.value, place.path)
        if isinstance(text, str) and (new := edited_text(text, place.kind, readers, report)) != text:
            edited[place.path] = new
    return record.with_value(replaced_all(record.value, edited)) if edited else record


def edited_text(text: str, kind: TextKind, readers: Sequence[Reader], report: Report) -> str:
    """One whole text after all rules for its kind. Raises Refused, RuleFailed."""
    edits = Edits()
    for reader in readers:
        if text and kind in reader.kinds and not reader.gone:
            reader.read(text, 0, True, 0, edits)
    if not edits:
        return text
    pieces: list[str] = []
    at = 0
    for span in edits.take(len(text)):
        pieces += text[at : span.start], span.settle(report)
        at = span.end
    return "".join([*pieces, text[at:]])
