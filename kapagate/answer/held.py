"""The window of an answer of which nothing may leave before its end.

Most answers hold nothing that any rule would change. So the texts of a held answer are looked at together, once; when
every rule is sure that there is nothing to edit and no limit is passed, the events leave as they came. In every other
case, and whenever a rule cannot say, they go through the window that streams take, all at once: it decides, and it
does the counting. What is delivered and reported is the same on both ways.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kapagate.answer.document import value_at
from kapagate.answer.events import Event, Text, TextKind
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.window import Window

Texts = Sequence[tuple[TextKind, str]]


class Held:
    """Events in by `add`, all of them out by the last `release`, as with `Window`."""

    __slots__ = ("_events", "_report", "_rules")

    waiting = True

    def __init__(self, rules: Sequence[AnswerRules], report: Report) -> None:
        """`report` knows the steps of `rules` already (`Report.enrol`)."""
        self._rules = rules
        self._report = report
        self._events: list[Event] = []

    def add(self, event: Event) -> None:
        self._events.append(event)

    def let_go(self, steps: Collection[str]) -> None:
        """The rules of these steps are not asked."""
        self._rules = [each for each in self._rules if each.step not in steps]

    def release(self, final: bool = False) -> list[Event]:
        """Everything when `final`, nothing before. Raises Refused, RuleFailed."""
        if not final:
            return []
        if (running := unedited(self._events, self._rules)) is not None:
            self._report.passed(self._rules, running)
            return self._events
        window = Window(self._rules, self._report)
        for event in self._events:
            window.add(event)
        return window.release(final=True)


def unedited(events: Sequence[Event], rules: Iterable[AnswerRules]) -> int | None:
    """The length of the running text when no text rule would edit a text and no limit cut it; None when one might."""
    running = [event.text for event in events if isinstance(event, Text)]
    if len(running) > 1:
        return None
    length = len(running[0]) if running else 0
    texts = _texts(events)
    for each in rules:
        if each.limit is not None and each.limit.characters < length:
            return None
        for rule in each.texts:
            clean = getattr(rule, "clean", None)
            if clean is None or not clean([text for kind, text in texts if kind in rule.kinds]):
                return None
    return length


def _texts(events: Iterable[Event]) -> Texts:
    """Every text of the events with its kind."""
    found: list[tuple[TextKind, str]] = []
    for event in events:
        if isinstance(event, Text):
            found.append(("answer", event.text))
            continue
        for place in event.places:
            text = value_at(event.value, place.path)
            if isinstance(text, str):
                found.append((place.kind, text))
    return found
