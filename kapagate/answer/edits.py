"""Edits of several rules on one text. Overlapping ones merge to the span of all of them; the severest has its say."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from operator import attrgetter

from msgspec import Struct, field
from msgspec.structs import replace

from kapagate.answer.refusal import Refused
from kapagate.answer.report import Report, count
from kapagate.answer.rules import Edit

_START = attrgetter("start")
_END = attrgetter("end")


class Span(Struct):
    """One or more edits that overlap. `order` is the place of the winner's rule among the rules. `findings` are counted
    by step, kind and whether they were decided at their bound.
    """

    start: int
    end: int
    winner: Edit
    step: str
    order: int
    findings: Counter[tuple[str, str, bool]] = field(default_factory=Counter)

    def rank(self) -> tuple[bool, int, int, int, int]:
        """A total order that does not depend on when an edit was found."""
        return self.winner.refuse, self.winner.severity, -self.winner.start, self.winner.end, -self.order

    def settle(self, report: Report) -> str:
        """Count what was found and say what stands here instead. Raises Refused."""
        for (step, kind, at_bound), times in self.findings.items():
            count(report.steps[step].edits, kind, times)
            if at_bound:
                report.steps[step].reached(kind, times)
        if self.winner.refuse:
            raise Refused(self.step, self.winner.kind, self.winner.words)
        return self.winner.text


class Edits:
    """Edits not yet taken, as spans that are in order and do not overlap."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: list[Span] = []

    def __bool__(self) -> bool:
        return bool(self._spans)

    def add(self, edit: Edit, base: int, step: str, order: int) -> None:
        """Add an edit whose positions count from `base`."""
        edit = replace(edit, start=edit.start + base, end=edit.end + base)
        findings = Counter({} if edit.goes_on else {(step, edit.kind, edit.at_bound): 1})
        span = Span(edit.start, edit.end, edit, step, order, findings)
        first = bisect_right(self._spans, span.start, key=_END)
        last = bisect_left(self._spans, span.end, key=_START)
        self._spans[first:last] = [_union([*self._spans[first:last], span])]

    def floor(self, upto: int) -> int:
        """The furthest position up to `upto` that does not stand inside a span."""
        if not self._spans:
            return upto
        at = bisect_right(self._spans, upto, key=_END)
        return min(upto, self._spans[at].start) if at < len(self._spans) else upto

    def take(self, upto: int) -> list[Span]:
        """Remove and return the spans that end at or before `upto`."""
        if not self._spans:
            return []
        at = bisect_right(self._spans, upto, key=_END)
        taken, self._spans = self._spans[:at], self._spans[at:]
        return taken

    def beyond(self, position: int) -> int:
        """Where original text is needed again: at `position`, or behind the span that begins there."""
        return self._spans[0].end if self._spans and self._spans[0].start <= position else position


def _union(spans: list[Span]) -> Span:
    winner = max(spans, key=Span.rank)
    findings: Counter[tuple[str, str, bool]] = Counter()
    for span in spans:
        findings.update(span.findings)
    start, end = min(map(_START, spans)), max(map(_END, spans))
    return replace(winner, start=start, end=end, findings=findings)
