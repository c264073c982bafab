"""Personal data and secrets in a text: the registry of detectors, and the text rule that runs those of a policy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from kapagate.answer.events import TextKind
from kapagate.answer.rules import Edit
from kapagate.guards.api_key import API_KEY
from kapagate.guards.card import CARD
from kapagate.guards.detector import Detector
from kapagate.guards.email import EMAIL
from kapagate.guards.fold import fold
from kapagate.guards.iban import IBAN
from kapagate.guards.ip import IP
from kapagate.guards.phone import PHONE
from kapagate.guards.regex import regex, regex_set
from kapagate.guards.ssn import SSN

DETECTORS: dict[str, Detector] = {detector.name: detector for detector in (EMAIL, PHONE, CARD, IBAN, IP, SSN, API_KEY)}
ALL = frozenset(DETECTORS)
TEXTS: frozenset[TextKind] = frozenset(("question", "answer", "title", "passage", "comment", "other"))

Action = Literal["redact", "refuse"]


class PersonalData:
    """The text rule (`kapagate.answer.rules.TextRule`) that redacts or refuses personal data and secrets.

    `detect` names detectors of the registry (KeyError for others), `kinds` the texts to look at. An edit may end
    after `sure`: it is decided by where it starts. `reach` bounds what is held back when a text stops in the middle of
    a candidate; clean prose is held back by its last word only.
    """

    __slots__ = ("_detectors", "_hints", "_least", "_refuse", "_tails", "context", "kinds", "reach")

    def __init__(
        self, detect: Collection[str] = ALL, action: Action = "redact", kinds: frozenset[TextKind] = TEXTS
    ) -> None:
        self._detectors = tuple(DETECTORS[name] for name in sorted(detect))
        self._refuse = action == "refuse"
        self._hints = regex_set(detector.pattern for detector in self._detectors)
        self._tails = regex(rb"(?:" + b"|".join(detector.unfinished for detector in self._detectors) + rb")\z")
        self._least = min((detector.longest for detector in self._detectors), default=0)
        self.reach = max((detector.longest for detector in self._detectors), default=0)
        self.context = max((detector.before for detector in self._detectors), default=0)
        self.kinds = kinds

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        base = max(0, start - self.context)
        data = fold(text[base:] if base else text)
        end = len(data) if final else self._settled(data, start - base)
        hits = self._hints.Match(data) if base + end > start else None
        if hits is None:
            return (), base + end
        edits = [
            Edit(base + first, base + last, detector.placeholder, detector.name, detector.severity, self._refuse)
            for detector in (self._detectors[hit] for hit in hits)
            for first, last in detector.find(data, start - base, end)
        ]
        edits.sort(key=_by_place)
        return edits, base + end

    def _settled(self, data: bytes, start: int) -> int:
        """The place before which no detector can still find anything. Most tails are one word: ask once for all."""
        tail = self._tails.search(data, start)
        if tail is None:
            return len(data)
        place = tail.span()[0]
        if len(data) - place <= self._least:
            return place
        return min(detector.settled(data, start) for detector in self._detectors)


def _by_place(edit: Edit) -> tuple[int, int, str]:
    return edit.start, edit.end, edit.kind
