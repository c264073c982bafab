"""Personal data and secrets in a text: the registry of detectors, and the text rule that runs those of a policy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

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
from kapagate.guards.stretched import MOST, Stretched

_REGISTERED = (
    *(EMAIL, EMAIL_SPELLED, PHONE, PHONE_SPOKEN, CARD, IBAN, IP, MAC, SSN, BIRTH, NAME, API_KEY, SECRET, CREDENTIALS),
)
DETECTORS: dict[str, Detector] = {detector.name: detector for detector in _REGISTERED}
ALL = frozenset(DETECTORS)
KINDS = frozenset(detector.kind for detector in _REGISTERED)
TEXTS: frozenset[TextKind] = frozenset(("question", "answer", "title", "passage", "comment", "other"))

NOTHING: Mapping[Detector, PersonalAction] = MappingProxyType({})

Action = Literal["redact", "refuse"]


class Found(NamedTuple):
    """A finding, or a candidate that is decided as one, in positions of the folded text."""

    detector: Detector
    start: int
    end: int
    at_bound: bool


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
        "_stretched",
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
        self._tail = finder(_at_end(PART, *(detector.begun for detector in self._detectors)))
        self._look = max((detector.before for detector in self._detectors if detector.led_by), default=0)
        self._part = finder(_at_end(PART))
        self._tails = regex_set(_at_end(detector.begun) for detector in self._detectors)
        self._least = min((detector.longest for detector in self._detectors), default=0)
        self._stretched = Stretched(self._detectors, [each for each in named if named[each] == "refuse"])
        self.reach = max((each.longest + each.before for each in self._detectors), default=0) + 2 * SLACK
        self.reach = max(self.reach, MOST + SLACK)
        self.context = max((each.before for each in self._detectors), default=0) + SLACK + LONGEST_TOKEN
        self.kinds = kinds

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        base = start - self.context if start > self.context else 0
        data = fold(text[base:] if base else text)
        hits = self._hints(data)
        end = len(data) if final else self._settled(data, start - base, len(self._detectors) in hits)
        if base + end <= start or not hits:
            return (), base + end
        found = self._found(data, hits, start - base, end)
        edits = {self._edit(text, base, each) for each in found}  # two detectors of one kind may agree
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
        if any(hit != disguised for hit in hits):
            return False
        view = View(data)
        return view.disguise <= SLACK and all(hit == disguised for hit in self._hints(view.data))

    def _found(self, data: bytes, hits: Sequence[int], start: int, end: int) -> Iterator[Found]:
        """What is found in the text as it stands, and as it is read."""
        disguised = len(self._detectors)
        for hit in hits:
            if hit < disguised:
                detector = self._detectors[hit]
                for first, last in detector.find(data, start, end):
                    yield Found(detector, first, last, _at_bound(detector, data, first, last))
        if disguised in hits:
            yield from self._read(View(data), start, end)

    def _read(self, view: View, start: int, end: int) -> Iterator[Found]:
        """What is found in a view, and what could be looked at in part only, where nothing was found."""
        found: dict[int, int] = {}
        for hit in range(len(self._detectors)) if view.breaks else self._hints(view.data):
            if hit < len(self._detectors):
                detector = self._detectors[hit]
                for first, last in view.find(detector, start, end):
                    found[first] = max(last, found.get(first, 0))
                    bounded = _at_bound(detector, view.data, view.place(first), view.place(last))
                    yield Found(detector, first, last, bounded)
        for detector, first, last in self._stretched.find(view, start, end):
            if last > found.get(first, 0) + 1:
                yield Found(detector, first, last, True)

    def _edit(self, text: str, base: int, found: Found) -> Edit:
        detector, start, end = found.detector, base + found.start, base + found.end
        action = self._actions[detector.kind]
        becomes = masked(text[start:end]) if action == "mask" and not found.at_bound else detector.placeholder
        refuse = action == "refuse"
        return Edit(start, end, becomes, detector.kind, detector.severity, refuse, at_bound=found.at_bound)

    def _settled(self, data: bytes, start: int, disguised: bool) -> int:
        """The place before which no detector can still find anything, in the text as it stands and as it is read."""
        if not disguised and self._begun(data, start) < 0:
            return len(data)
        part = self._part(data, start)
        settled = self._settled_in(data, start)
        if part < 0 and not disguised:
            return settled
        view = View(data[:part] if part >= 0 else data)
        place = view.place(start)
        pieces = ((each, view.data[each:]) for each in (0, *view.breaks))
        read = view.original(min(each + self._settled_in(piece, max(0, place - each)) for each, piece in pieces))
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
