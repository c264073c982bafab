"""The longest answer. What leaves the window passes here: text until the limit, records always, in their order.

Far from the limit text leaves at once. In the last `NEAR` characters before it, a word waits for its end and a link for
its own; in the last `WORD` of them a sentence waits until the next one has ended, for a cut stands behind the last one
(`kapagate.answer.cutting`). A code block that is open at a cut is closed before the notice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kapagate.answer.cutting import CONTEXT, NEAR, cut_of, settled
from kapagate.answer.events import Event, Record, Text
from kapagate.answer.fences import Fences
from kapagate.answer.report import Report, count
from kapagate.answer.rules import AnswerRules, Limit


class Cut:
    """The tightest binding limit at work on one answer. Limits that do not bind are only counted."""

    __slots__ = (
        "_fences", "_held", "_limit", "_limits", "_out", "_report", "_run", "_said", "_shadows", "_step", "_taken",
        "full",
    )  # fmt: skip

    def __init__(self, rules: Sequence[AnswerRules], report: Report) -> None:
        self._limits = [(each.limit, each.step) for each in rules if each.limit is not None and each.binding]
        self._limit: Limit | None
        self._limit, self._step = min(self._limits, key=_characters, default=(None, ""))
        self._shadows = _shadows(rules, self._limit)
        self._fences = Fences()
        self._report = report
        self._taken = 0
        self._said = ""
        self._run: list[str] = []
        self._out: list[Event] = []
        self._held: list[str | Record] = []
        self.full = False

    def let_go(self, steps: Collection[str]) -> None:
        """The limits of these steps hold no more; what one has cut stays cut."""
        self._limits = [each for each in self._limits if each[1] not in steps]
        if not self.full:
            self._limit, self._step = min(self._limits, key=_characters, default=(None, ""))

    @property
    def waiting(self) -> bool:
        """Whether records wait for a word to end."""
        return len(self._held) > 1

    def passes(self, text: str, start: int, end: int) -> bool:
        """Count `text[start:end]`, which may leave as it is, past `text` and `drain`: nothing waits before it, no limit
        is near.
        """
        if self.full or self._held or self._shadows:
            return False
        if self._limit is not None:
            if self._taken + end - start > self._limit.characters - NEAR:
                return False
            self._fences.feed(text[start:end])
            self._said = ""
        self._taken += end - start
        return True

    def text(self, piece: str) -> None:
        """Text that is decided; nothing is taken once the limit is reached."""
        if self.full:
            return
        self._taken += len(piece)
        if self._shadows:
            self._count_shadows()
        if self._limit is None:
            (self._held or self._run).append(piece)
        elif self._held or self._taken > self._limit.characters - NEAR:
            self._held.append(piece)
            self._pass_settled(self._limit)
        else:
            self._leave(piece)

    def record(self, record: Record) -> None:
        if self._held:
            self._held.append(record)
        else:
            self._emit(record)

    def drain(self, final: bool) -> list[Event]:
        """What may leave now."""
        if final or self._limit is None:
            self._pass(sum(len(each) for each in self._held if isinstance(each, str)))
        self._end_run()
        out, self._out = self._out, []
        return out

    def _pass_settled(self, limit: Limit) -> None:
        tail = "".join(each for each in self._held if isinstance(each, str))
        text, start = self._said + tail, len(self._said)
        offset = self._taken - len(text)
        room = limit.characters - offset
        if len(text) <= room:
            self._pass(settled(text, start, offset, limit.characters) - start)
        else:
            self._pass(cut_of(text[: room + 1], start, offset, limit.characters) - start)
            self._close(limit)

    def _close(self, limit: Limit) -> None:
        self.full = True
        self._report.cut = self._step
        count(self._report.steps[self._step].edits, "limit")
        self._run += self._fences.closing, limit.notice
        held, self._held = self._held, []
        for each in held:
            if isinstance(each, Record):
                self._emit(each)

    def _pass(self, characters: int) -> None:
        """The first held characters leave, with the records that stand before or right behind them."""
        held, self._held = self._held, []
        for at, each in enumerate(held):
            if isinstance(each, Record):
                self._emit(each)
            elif len(each) <= characters:
                self._leave(each)
                characters -= len(each)
            else:
                self._leave(each[:characters])
                self._held = [each[characters:], *held[at + 1 :]]
                return

    def _leave(self, text: str) -> None:
        self._run.append(text)
        self._fences.feed(text)
        self._said = (self._said + text)[-CONTEXT:]

    def _emit(self, record: Record) -> None:
        self._end_run()
        self._out.append(record)

    def _end_run(self) -> None:
        if text := "".join(self._run):
            self._out.append(Text(text))
        self._run.clear()

    def _count_shadows(self) -> None:
        over = [each for each in self._shadows if self._taken > each[0]]
        for each in over:
            count(self._report.steps[each[1]].would_edit, "limit")
            self._shadows.remove(each)


def _shadows(rules: Sequence[AnswerRules], binding: Limit | None) -> list[tuple[int, str]]:
    """Those that would have cut earlier than the one that binds."""
    return [
        (each.limit.characters, each.step)
        for each in rules
        if each.limit is not None
        and not each.binding
        and (binding is None or each.limit.characters < binding.characters)
    ]


def _characters(limit: tuple[Limit, str]) -> int:
    return limit[0].characters
