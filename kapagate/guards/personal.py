"""Personal data and secrets in a text: the registry of detectors, and the text rule that runs those of a policy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from kapagate.answer.events import TextKind
from kapagate.answer.rules import Edit
from kapagate.guards.api_key import API_KEY
from kapagate.guards.birth import BIRTH
from kapagate.guards.card import CARD
from kapagate.guards.credentials import CREDENTIALS
from kapagate.guards.detector import Detector
from kapagate.guards.email import EMAIL
from kapagate.guards.email_spelled import EMAIL_SPELLED
from kapagate.guards.fold import fold
from kapagate.guards.iban import IBAN
from kapagate.guards.ip import IP
from kapagate.guards.mac import MAC
from kapagate.guards.name import NAME
from kapagate.guards.phone import PHONE
from kapagate.guards.phone_spoken import PHONE_SPOKEN
from kapagate.guards.regex import finder, regex_set
from kapagate.guards.secret import SECRET
from kapagate.guards.ssn import SSN

_REGISTERED = (
    *(EMAIL, EMAIL_SPELLED, PHONE, PHONE_SPOKEN, CARD, IBAN, IP, MAC, SSN, BIRTH, NAME, API_KEY, SECRET, CREDENTIALS),
)
DETECTORS: dict[str, Detector] = {detector.name: detector for detector in _REGISTERED}
ALL = frozenset(DETECTORS)
TEXTS: frozenset[TextKind] = frozenset(("question", "answer", "title", "passage", "comment", "other"))

Action = Literal["redact", "refuse"]


class PersonalData:
    """The text rule (`kapagate.answer.rules.TextRule`) that redacts or refuses personal data and secrets.

    `detect` names detectors of the registry (KeyError for others), `kinds` the texts to look at. An edit may end
    after `sure`: it is decided by where it starts. `reach` bounds what is held back when a text stops in the middle of
    a candidate; clean prose is held back by its last word only.
    """

    __slots__ = ("_detectors", "_hints", "_least", "_refuse", "_tail", "context", "kinds", "reach")

    def __init__(
        self, detect: Collection[str] = ALL, action: Action = "redact", kinds: frozenset[TextKind] = TEXTS
    ) -> None:
        self._detectors = tuple(DETECTORS[name] for name in sorted(detect))
        self._refuse = action == "refuse"
        self._hints = regex_set(detector.hint for detector in self._detectors)
        self._tail = finder(rb"(?:" + b"|".join(detector.unfinished for detector in self._detectors) + rb")\z")
        self._least = min((detector.longest for detector in self._detectors), default=0)
        self.reach = max((detector.longest for detector in self._detectors), default=0)
        self.context = max((detector.before for detector in self._detectors), default=0)
        self.kinds = kinds

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        base = start - self.context if start > self.context else 0
        data = fold(text[base:] if base else text)
        end = len(data) if final else self._settled(data, start - base)
        if base + end <= start or not (hits := self._hints(data)):
            return (), base + end
        edits = [  # two detectors of one kind may agree
            Edit(base + first, base + last, detector.placeholder, detector.kind, detector.severity, self._refuse)
            for detector in (self._detectors[hit] for hit in hits)
            for first, last in detector.find(data, start - base, end)
        ]
        return sorted(set(edits), key=_by_place), base + end

    def clean(self, texts: Sequence[str]) -> bool:
        """Whether no text can hold anything to edit: one look at all of them, which may find too much.

        No pattern is anchored to an end of its text, and a line feed is no part of a word, as no end of a text is. So
        what a pattern finds in a text it finds in the joined texts too.
        """
        return not self._hints(fold("\n".join(texts)))

    def _settled(self, data: bytes, start: int) -> int:
        """The place before which no detector can still find anything. Most tails are one word: ask once for all."""
        place = self._tail(data, start)
        if place < 0:
            return len(data)
        if len(data) - place <= self._least:
            return place
        return min(detector.settled(data, start) for detector in self._detectors)


def _by_place(edit: Edit) -> tuple[int, int, str]:
    return edit.start, edit.end, edit.kind
