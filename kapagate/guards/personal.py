"""Personal data and secrets in a text: the registry of detectors, and the text rule that runs those of a policy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from kapagate.answer.events import TextKind
from kapagate.answer.rules import Edit
from kapagate.guards.actions import PersonalAction, PersonalActions, compared, masked, of_kind
from kapagate.guards.api_key import API_KEY
from kapagate.guards.birth import BIRTH
from kapagate.guards.card import CARD
from kapagate.guards.credentials import CREDENTIALS
from kapagate.guards.detector import Detector
from kapagate.guards.disguise import HINT, LONGEST_TOKEN, PART, SLACK, View
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
KINDS = frozenset(detector.kind for detector in _REGISTERED)
TEXTS: frozenset[TextKind] = frozenset(("question", "answer", "title", "passage", "comment", "other"))

NOTHING: Mapping[Detector, PersonalAction] = MappingProxyType({})

Action = Literal["redact", "refuse"]
Found = tuple[Detector, int, int, bool]


class PersonalData:
    """The text rule (`kapagate.answer.rules.TextRule`) that redacts, masks or refuses personal data and secrets.

    `detect` names detectors of the registry (KeyError for others), `kinds` the texts to look at; `actions`
    says what happens to each kind, and values of `allowed` stay. `more` are detectors beside those of the registry,
    each with what happens to its findings. Raises ValueError where all are too large together. An edit may end
    after `sure`: it is decided by where it starts. `reach` bounds what is held back when a text stops in the middle of
    a candidate; clean prose is held back by its last word only.
    """

    __slots__ = (
        "_actions",
        "_allowed",
        "_detectors",
        "_hints",
        "_least",
        "_look",
        "_part",
        "_tail",
        "_tails",
        "context",
        "kinds",
        "reach",
    )

    def __init__(
        self,
        detect: Collection[str] = ALL,
        actions: PersonalActions = "redact",
        kinds: frozenset[TextKind] = TEXTS,
        allowed: Collection[str] = (),
        more: Mapping[Detector, PersonalAction] = NOTHING,
    ) -> None:
        named = {each: of_kind(actions, each.kind) for each in map(DETECTORS.__getitem__, sorted(detect))} | {**more}
        self._detectors = tuple(each for each in named if named[each] != "allow")
        self._actions = {each.kind: named[each] for each in self._detectors}
        self._allowed = frozenset(map(compared, allowed))
        self._hints = regex_set([*(detector.hint for detector in self._detectors), HINT])
        self._tail = finder(_at_end(PART, *(detector.waits or detector.unfinished for detector in self._detectors)))
        self._look = max((detector.before for detector in self._detectors if detector.waits), default=0)
        self._part = finder(_at_end(PART))
        self._tails = regex_set(_at_end(detector.waits or detector.unfinished) for detector in self._detectors)
        self._least = min((detector.longest for detector in self._detectors), default=0)
        self.reach = max((each.longest + each.before for each in self._detectors), default=0) + 2 * SLACK
        self.context = max((each.before for each in self._detectors), default=0) + SLACK + LONGEST_TOKEN
        self.kinds = kinds

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        base = start - self.context if start > self.context else 0
        data = fold(text[base:] if base else text)
        hits = self._hints(data)
        end = len(data) if final else self._settled(data, start - base, len(self._detectors) in hits)
        if base + end <= start or not hits:
            return (), base + end
        edits = {  # two detectors of one kind may agree
            self._edit(detector, text, base + first, base + last, bounded)
            for detector, first, last, bounded in self._found(data, hits, start - base, end)
        }
        if self._allowed:
            edits = {edit for edit in edits if compared(text[edit.start : edit.end]) not in self._allowed}
        return sorted(edits, key=_by_place), base + end

    def clean(self, texts: Sequence[str]) -> bool:
        """Whether no text can hold anything to edit: one look at all of them, which may find too much.

        No pattern is anchored to an end of its text, and a line feed is no part of a word, as no end of a text is. So
        what a pattern finds in a text it finds in the joined texts too.
        """
        hits = self._hints(data := fold("\n".join(texts)))
        if not hits:
            return True
        disguised = len(self._detectors)
        return all(hit == disguised for hit in hits) and all(hit == disguised for hit in self._hints(View(data).data))

    def _found(self, data: bytes, hits: Sequence[int], start: int, end: int) -> Iterator[Found]:
        """What is found in the text as it stands, and as it is read; the last says whether it reached its bound."""
        disguised = len(self._detectors)
        for hit in hits:
            if hit < disguised:
                detector = self._detectors[hit]
                for first, last in detector.find(data, start, end):
                    yield detector, first, last, _at_bound(detector, data, first, last)
        if disguised in hits:
            view = View(data)
            for hit in self._hints(view.data):
                if hit < disguised:
                    detector = self._detectors[hit]
                    for first, last in view.find(detector, start, end):
                        read = view.place(first), view.place(last)
                        yield detector, first, last, _at_bound(detector, view.data, *read)

    def _edit(self, detector: Detector, text: str, start: int, end: int, bounded: bool) -> Edit:
        action = self._actions[detector.kind]
        becomes = masked(text[start:end]) if action == "mask" else detector.placeholder
        return Edit(start, end, becomes, detector.kind, detector.severity, action == "refuse", at_bound=bounded)

    def _settled(self, data: bytes, start: int, disguised: bool) -> int:
        """The place before which no detector can still find anything, in the text as it stands and as it is read."""
        if not disguised and self._begun(data, start) < 0:
            return len(data)
        part = self._part(data, start)
        settled = self._settled_in(data, start)
        if part < 0 and not disguised:
            return settled
        view = View(data[:part] if part >= 0 else data)
        read = view.original(self._settled_in(view.data, view.place(start)))
        return max(start, len(data) - self.reach, min(settled, read, part if part >= 0 else len(data)))

    def _begun(self, data: bytes, start: int) -> int:
        """Where at the end something begins that may become a finding, or what has to stand before it; -1: nowhere."""
        return self._tail(data, start - self._look if start > self._look else 0)

    def _settled_in(self, data: bytes, start: int) -> int:
        """Most tails are one word: ask once for all."""
        place = self._begun(data, start)
        if place < 0:
            return len(data)
        if start <= place and len(data) - place <= self._least:
            return place
        near = place - 1 if place else 0
        settled = (self._detectors[each].settled(data, start) for each in self._tails(data[near:]))
        return min(settled, default=len(data))


def _at_end(*patterns: bytes) -> bytes:
    return rb"(?:" + b"|".join(patterns) + rb")\z"


def _at_bound(detector: Detector, data: bytes, start: int, end: int) -> bool:
    return detector.at_bound is not None and detector.at_bound(data[start:end])


def _by_place(edit: Edit) -> tuple[int, int, str]:
    return edit.start, edit.end, edit.kind
