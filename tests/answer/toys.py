"""Toy rules, toy codec and ways to cut, for the tests of the window, the pump and the codecs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from kapagate.answer.codec import Codec
from kapagate.answer.events import Event, Text, TextKind
from kapagate.answer.pump import pump
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, Edit
from kapagate.answer.window import Window

ALL: frozenset[TextKind] = frozenset({"question", "answer", "title", "passage", "comment", "other"})


@dataclass(frozen=True)
class Digits:
    """Redacts runs of four digits and more, in blocks of at most `reach`."""

    reach: int = 12
    context: int = 1
    kinds: frozenset[TextKind] = ALL
    text: str = "<n>"
    severity: int = 1
    refuse: bool = False
    kind: str = "digits"

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        edits: list[Edit] = []
        at = start
        while at < len(text):
            if not text[at].isdigit():
                at += 1
                continue
            end = at
            while end < len(text) and end - at < self.reach and text[end].isdigit():
                end += 1
            if end == len(text) and not final and end - at < self.reach:
                return edits, at
            if end - at >= 4 or (at > 0 and text[at - 1].isdigit()):
                edits.append(Edit(at, end, self.text, self.kind, self.severity, self.refuse))
            at = end
        return edits, len(text)


@dataclass(frozen=True)
class Words:
    """Replaces the first of `words` that fits, from the left, none inside another."""

    words: tuple[str, ...] = ("secret", "01a", "ab b")
    text: str = "<w>"
    severity: int = 2
    refuse: bool = False
    kind: str = "word"
    kinds: frozenset[TextKind] = ALL
    context: int = 0

    @property
    def reach(self) -> int:
        return max(map(len, self.words)) - 1

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        edits: list[Edit] = []
        at = start
        while at < len(text):
            if not final and len(text) - at <= self.reach:
                break
            word = next((word for word in self.words if text.startswith(word, at)), None)
            if word:
                edits.append(Edit(at, at + len(word), self.text, self.kind, self.severity, self.refuse))
            at += len(word) if word else 1
        return edits, at


@dataclass(frozen=True)
class Broken:
    """Fails as soon as it reads an exclamation mark."""

    reach: int = 5
    context: int = 0
    kinds: frozenset[TextKind] = ALL

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        if "!" in text:
            raise ZeroDivisionError
        return (), len(text) if final else max(start, len(text) - self.reach)


def texts(**sizes: int) -> st.SearchStrategy[str]:
    return st.text(alphabet='01ab \né␞😀"\\!', **sizes)


@st.composite
def cut(draw: st.DrawFn, whole: st.SearchStrategy[str]) -> tuple[str, list[str]]:
    text = draw(whole)
    return text, pieces_of(text, draw(st.lists(st.integers(0, len(text)), max_size=12)))


def pieces_of(text: str, cuts: Iterable[int]) -> list[str]:
    at = sorted({0, len(text), *cuts})
    return [text[a:b] for a, b in itertools.pairwise(at)]


def bytes_cut(whole: bytes, cuts: Iterable[int]) -> list[bytes]:
    at = sorted({0, len(whole), *(each % (len(whole) + 1) for each in cuts)})
    return [whole[a:b] for a, b in itertools.pairwise(at)]


def window_of(rules: Sequence[AnswerRules]) -> tuple[Window, Report]:
    report = Report()
    report.enrol(rules)
    return Window(rules, report), report


def said(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def delivered(rules: Sequence[AnswerRules], pieces: Iterable[str]) -> str:
    """The text that leaves the window when it comes in these pieces."""
    return said(streamed(rules, map(Text, pieces))[0])


def streamed(rules: Sequence[AnswerRules], events: Iterable[Event]) -> tuple[list[Event], Report]:
    window, report = window_of(rules)
    out: list[Event] = []
    for event in events:
        window.add(event)
        out += window.release()
    return out + window.release(final=True), report


def held(rules: Sequence[AnswerRules], text: str) -> str:
    window, _ = window_of(rules)
    window.add(Text(text))
    return said(window.release(final=True))


async def feed(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def pumped(
    pieces: Iterable[bytes], codec: Codec, rules: Sequence[AnswerRules] = (), hold: bool = False,
    report: Report | None = None,
) -> list[bytes]:  # fmt: skip
    return [piece async for piece in pump(feed(pieces), codec, rules, hold, report or Report())]


def pump_now(pieces: Iterable[bytes], codec: Codec, rules: Sequence[AnswerRules] = (), hold: bool = False) -> bytes:
    """For hypothesis tests, which are not coroutines."""
    return b"".join(asyncio.run(pumped(pieces, codec, rules, hold)))
