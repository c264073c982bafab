"""One answer's running text, between two wires.

    base          sent            sure            end
     |  context    |  decided      |  may change   |
                   |  leaves now   |  waits        |

Every rule reads the same original text, each from where it last was sure, so no rule sees what another one wrote.
`sure` above is the least of all binding rules. What leaves is the text up to there, never half an edit: an edit that
crosses it waits with the text behind it. Edits that overlap merge and the severest wins; then the limit cuts. Edits
depend on the text alone and arrival decides only *when*, so the delivered text is the same however it was cut.

- A record waits for the text that it followed, and stands behind it again when both leave.
- An edit that refuses raises when release reaches it: text before it may have left, of it not one character.
- A rule that does not bind has a cursor like the others, but nobody waits for it and its edits are only counted.
- A rule that fails ends the answer, unless it is lenient or does not bind: then it leaves, and the report says so. So
  do the rules of a step that is switched off under way. What a rule has found by the time it leaves still holds.
- Text behind a cut is not delivered, so it is neither scanned nor kept, but for rules that do not bind: they read all
  that arrives, for in one piece they would have read it before it was cut.
- Kept are the characters that are not sent and the context that rules ask for, no more; `reach` bounds the first.
  Where edits overlap without end, what they cover is forgotten too: it will be replaced, whatever comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from kapagate.answer.edits import Edits
from kapagate.answer.events import Event, Record, Text
from kapagate.answer.limit import Cut
from kapagate.answer.reader import Reader, readers_of
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.whole import edited_whole


class Cursor:
    """Where a rule is in the running text: everything before `sure` is decided by it."""

    __slots__ = ("reader", "sure")

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.sure = 0

    def advance(self, text: str, base: int, final: bool, edits: Edits) -> None:
        """Read on, if there is anything to read. Raises RuleFailed."""
        start = self.sure - base
        if start < len(text):
            self.sure = base + self.reader.read(text, start, final, base, edits)
            if not self.reader.gone:
                self.reader.tally.checked = self.sure


class Window:
    """Events in by `add`, what may be said out by `release`. Positions count characters from the answer's start."""

    __slots__ = (
        "_arrived", "_base", "_cursors", "_cut", "_edits", "_end", "_readers", "_report", "_sent", "_text", "_waiting",
    )  # fmt: skip

    def __init__(self, rules: Sequence[AnswerRules], report: Report) -> None:
        """`report` knows the steps of `rules` already (`Report.enrol`)."""
        self._readers = readers_of(rules, report)
        self._cursors = [Cursor(each) for each in self._readers if "answer" in each.kinds]
        self._cut = Cut(rules, report)
        self._edits = Edits()
        self._report = report
        self._arrived: list[str] = []
        self._waiting: deque[tuple[int, Record]] = deque()
        self._text = ""
        self._base = self._sent = self._end = 0

    @property
    def waiting(self) -> bool:
        """Whether more is kept than text within the rules' reach: records."""
        return bool(self._waiting) or self._cut.waiting

    @property
    def kept(self) -> int:
        """Characters of running text in memory."""
        return len(self._text) + sum(map(len, self._arrived))

    def add(self, event: Event) -> None:
        """Take an event. The texts of a record are edited here, whole. Raises Refused, RuleFailed."""
        if not isinstance(event, Text):
            self._waiting.append((self._end, edited_whole(event, self._readers, self._report)))
            return
        text = event.text
        self._report.seen += len(text)
        if not self._cut.full or self._cursors:
            self._arrived.append(text)
            self._end += len(text)

    def let_go(self, steps: Collection[str]) -> None:
        """The rules of these steps leave for good."""
        self._readers = [each for each in self._readers if each.step not in steps]
        self._cursors = [each for each in self._cursors if each.reader.step not in steps]
        self._cut.let_go(steps)

    def release(self, final: bool = False) -> list[Event]:
        """What may leave now; all of it when `final`. Raises Refused, RuleFailed."""
        upto = self._decided(final)
        sent, end = self._sent - self._base, upto - self._base
        if not self._edits and not self._waiting and self._cut.passes(self._text, sent, end):
            events = self._straight(upto)
        else:
            self._deliver(upto)
            events = self._cut.drain(final)
        self._forget()
        return events

    def _decided(self, final: bool) -> int:
        if self._cut.full and not self._cursors:
            return self._end
        if self._arrived:
            self._text = "".join((self._text, *self._arrived))
            self._arrived.clear()
        upto, gone = self._end, False
        for cursor in self._cursors:
            cursor.advance(self._text, self._base, final, self._edits)
            gone = gone or cursor.reader.gone
            if cursor.sure < upto and cursor.reader.binding:
                upto = cursor.sure
        if gone:
            self._cursors = [cursor for cursor in self._cursors if not cursor.reader.gone]
        return self._edits.floor(upto)

    def _straight(self, upto: int) -> list[Event]:
        """Most pieces: nothing was found, nothing waits, and no limit is near."""
        text = self._text[self._sent - self._base : upto - self._base]
        self._sent = upto
        self._note()
        return [Text(text)] if text else []

    def _deliver(self, upto: int) -> None:
        full = self._cut.full
        for span in self._edits.take(upto):
            self._pass(span.start)
            if self._cut.full:
                break
            self._cut.text(span.settle(self._report))
            self._sent = span.end
        self._pass(upto)
        if not full:
            self._note()
            if self._cut.full:
                self._cursors = [cursor for cursor in self._cursors if not cursor.reader.binding]

    def _note(self) -> None:
        report, waits = self._report, self._end - self._sent
        report.released = self._sent
        if waits > report.held_back:
            report.held_back = waits

    def _pass(self, upto: int) -> None:
        """The original text up to there, with the records that stand in it."""
        while self._waiting and self._waiting[0][0] <= upto:
            at, record = self._waiting.popleft()
            self._pass_text(at)
            self._cut.record(record)
        self._pass_text(upto)

    def _pass_text(self, upto: int) -> None:
        if upto > self._sent:
            self._cut.text(self._text[self._sent - self._base : upto - self._base])
            self._sent = upto

    def _forget(self) -> None:
        needed = self._sent
        if self._cut.full:
            needed = self._end
        elif self._edits:
            needed = self._edits.beyond(self._sent)
        for cursor in self._cursors:
            if (kept := cursor.sure - cursor.reader.context) < needed:
                needed = kept
        if needed > self._base:
            self._text = self._text[needed - self._base :]
            self._base = needed
