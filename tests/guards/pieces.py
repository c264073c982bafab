"""A text rule on texts that come in pieces, and whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from kapagate.answer.rules import Edit, TextRule


def streamed(rule: TextRule, pieces: Iterable[str]) -> list[Edit]:
    """The rule's edits when a window hands it pieces, keeping exactly the context that it asked for."""
    edits: list[Edit] = []
    text, base, sure = "", 0, 0

    def read(final: bool) -> None:
        nonlocal text, base, sure
        trimmed = max(base, sure - rule.context)
        text, base = text[trimmed - base :], trimmed
        start = sure - base
        found, now = rule.scan(text, start, final)
        assert start <= now <= len(text)
        assert len(text) - now <= rule.reach
        assert all(start <= edit.start < min(now, edit.end) and edit.end <= len(text) for edit in found)
        edits.extend(moved(edit, base) for edit in found)
        sure = base + now

    for piece in pieces:
        text += piece
        read(False)
    read(True)
    assert sure == base + len(text)
    return sorted(edits, key=place)


def moved(edit: Edit, by: int) -> Edit:
    return replace(edit, start=edit.start + by, end=edit.end + by)


def place(edit: Edit) -> tuple[int, int, str]:
    return edit.start, edit.end, edit.kind


def whole(rule: TextRule, text: str) -> Sequence[Edit]:
    edits, sure = rule.scan(text, 0, True)
    assert sure == len(text)
    return sorted(edits, key=place)


def delivered(rule: TextRule, text: str) -> str:
    pieces, at = [], 0
    for edit in whole(rule, text):
        if edit.start >= at:
            pieces += [text[at : edit.start], edit.text]
        at = max(at, edit.end)
    return "".join([*pieces, text[at:]])
