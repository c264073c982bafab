"""What happens to each kind of personal data, as a policy says it: one word for all, or a word for each kind."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from kapagate.guards.disguise import View
from kapagate.guards.fold import fold

PersonalAction = Literal["allow", "redact", "mask", "refuse"]
PersonalKind = Literal[
    "default", "email", "phone", "card", "iban", "ip", "mac", "ssn", "birth", "name", "api_key", "secret", "credentials"
]
PersonalActions = Literal["allow", "redact", "refuse"] | dict[PersonalKind, PersonalAction]
"""`redact`, or `{email: mask, card: refuse, default: redact}`; what names no `default` redacts the kinds left out."""

_SHOWN = 4
_LEAST = 8
_NOT_COMPARED = b" .-()/"


def of_kind(actions: PersonalActions, kind: str) -> PersonalAction:
    if isinstance(actions, str):
        return actions
    said: dict[str, PersonalAction] = dict(actions.items())
    return said.get(kind, said.get("default", "redact"))


def actions_met(actions: PersonalActions, kinds: Collection[str]) -> frozenset[PersonalAction]:
    """Every action that some kind can meet."""
    return frozenset(of_kind(actions, kind) for kind in kinds)


def gentle(actions: PersonalActions) -> PersonalActions:
    """The same where nothing may be refused, as in errors of an upstream: redacted instead."""
    if isinstance(actions, str):
        return "redact" if actions == "refuse" else actions
    return {kind: "redact" if action == "refuse" else action for kind, action in actions.items()}


def masked(value: str) -> str:
    """`****1111`: the last four letters and digits, when there are at least eight."""
    read = "".join(filter(str.isalnum, value))
    return "****" + (read[-_SHOWN:] if len(read) >= _LEAST else "")


def compared(value: str) -> bytes:
    """A value as allow-lists compare it: as it is read, without separators and case."""
    return View(fold(value)).data.translate(None, _NOT_COMPARED).lower()
