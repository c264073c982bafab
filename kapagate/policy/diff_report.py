"""Changes between two policies as text, as Markdown for a pull request, and as records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kapagate.policy.changes import Change, Side
from kapagate.policy.report import escaped

MOST_NAMED = 6
_ORDER = ("looser", "unknown", "tighter", "neutral")


def text(changes: Sequence[Change]) -> str:
    """What is looser first."""
    if not changes:
        return "no difference"
    return "\n".join([*(_lines(each) for each in _sorted(changes)), counted(changes)])


def _lines(change: Change) -> str:
    before, after = _said(change.before), _said(change.after)
    return f"{change.label:<8} {escaped(_subject(change))}: {before} -> {after}"


def _said(side: Side) -> str:
    return escaped(side.text) + (f" ({escaped(side.place)})" if side.place else "")


def _subject(change: Change) -> str:
    field = f".{change.field}" if change.field else ""
    return f"{change.subject}{field}{_scope(change)}"


def _scope(change: Change) -> str:
    parts = [
        f"{noun}{'s' if len(names) > 1 else ''} {_listed(names)}"
        for noun, names in (("tenant", change.tenants), ("route", change.routes))
        if names
    ]
    return f" [{'; '.join(parts)}]" if parts else ""


def _listed(names: Sequence[str]) -> str:
    """People are told the first ones and how many more there are; records have all."""
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1:,} more"


def markdown(changes: Sequence[Change]) -> str:
    """A table for a comment, what is looser first; what a policy says is code there, whatever it says."""
    if not changes:
        return "No difference between the policies."
    head = f"**{counted(changes)}**\n\n| | what | before | after |\n| --- | --- | --- | --- |"
    rows = (
        f"| {each.label} | {_code(_subject(each))} | {_cell(each.before)} | {_cell(each.after)} |"
        for each in _sorted(changes)
    )
    return "\n".join([head, *rows])


def _cell(side: Side) -> str:
    return _code(side.text) + (f"<br>{_code(side.place)}" if side.place else "")


def _code(said: str) -> str:
    plain = escaped(said).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f"<code>{plain.replace('|', '&#124;').replace('`', '&#96;').replace('*', '&#42;').replace('@', '&#64;')}</code>"
    )


def records(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """One record for each change."""
    return [
        {
            "label": each.label,
            "subject": each.subject,
            "field": each.field,
            "tenants": list(each.tenants),
            "routes": list(each.routes),
            "before": {"value": each.before.text, "origin": each.before.place},
            "after": {"value": each.after.text, "origin": each.after.place},
        }
        for each in _sorted(changes)
    ]


def counted(changes: Iterable[Change]) -> str:
    """`2 looser, 1 neutral`."""
    labels = [each.label for each in changes]
    return ", ".join(f"{labels.count(name)} {name}" for name in _ORDER if name in labels)


def _sorted(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda each: _ORDER.index(each.label))
