"""The longest answer. What leaves the window passes here: text until the limit, records always, in their order.

       0                      limit - WORD         limit
       | leaves at once       | leaves word by word| the word that would pass it stays out, with all that follows

Only in the last `WORD` characters before the limit can it matter where words end, so only there a word waits for its
end. A cut stands before the last white space of that stretch. A text with none (a language without spaces, one
endless token) is cut at the limit itself - or, under a limit shorter than `WORD`, not delivered at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from kapagate.answer.events import Event, Record, Text
from kapagate.answer.report import Report, count
from kapagate.answer.rules import AnswerRules, Limit

WORD = 128


class Cut:
    """The tightest binding limit at work on one answer. Limits that do not bind are only counted."""

    __slots__ = ("_held", "_limit", "_out", "_report", "_run", "_shadows", "_step", "_taken", "full")

    def __init__(self, rules: Sequence[AnswerRules], report: Report) -> None:
        limits = [(each.limit, each.step) for each in rules if each.limit is not None and each.binding]
        self._limit: Limit | None
        self._limit, self._step = min(limits, key=_characters, default=(None, ""))
        self._shadows = _shadows(rules, self._limit)
        self._report = report
        self._taken = 0
        self._run: list[str] = []
        self._out: list[Event] = []
        self._held: list[str | Record] = []
        self.full = False

    @property
    def waiting(self) -> bool:
        """Whether records wait for a word to end."""
        return len(self._held) > 1

    def passes(self, characters: int) -> bool:
        """Count text that may leave as it is, past `text` and `drain`: nothing waits before it, no limit is near."""
        if self.full or self._held or self._shadows:
            return False
        if self._limit is not None and self._taken + characters > self._limit.characters - WORD:
            return False
        self._taken += characters
        return True

    def text(self, piece: str) -> None:
        """Text that is decided; nothing is taken once the limit is reached."""
        if self.full:
            return
        before, self._taken = self._taken, self._taken + len(piece)
        if self._shadows:
            self._count_shadows()
        if self._limit is None:
            self._run.append(piece)
            return
        free = max(0, self._limit.characters - WORD - before)
        self._run.append(piece[:free])
        if free < len(piece):
            self._held.append(piece[free:])
            self._pass_words(self._limit)

    def record(self, record: Record) -> None:
        if self._held:
            self._held.append(record)
        else:
            self._emit(record)

    def drain(self, final: bool) -> list[Event]:
        """What may leave now."""
        if final:
            self._pass(sum(len(each) for each in self._held if isinstance(each, str)))
        self._end_run()
        out, self._out = self._out, []
        return out

    def _pass_words(self, limit: Limit) -> None:
        tail = "".join(each for each in self._held if isinstance(each, str))
        room = limit.characters - (self._taken - len(tail))
        if len(tail) <= room:
            self._pass(max(0, _last_gap(tail)))
            return
        gap = _last_gap(tail[: room + 1])
        if gap < 0:
            gap = room if limit.characters > WORD else 0
        self._pass(gap)
        self._close(limit)

    def _close(self, limit: Limit) -> None:
        self.full = True
        self._report.cut = self._step
        count(self._report.steps[self._step].edits, "limit")
        self._run.append(limit.notice)
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
                self._run.append(each)
                characters -= len(each)
            else:
                self._run.append(each[:characters])
                self._held = [each[characters:], *held[at + 1 :]]
                return

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


def _last_gap(text: str) -> int:
    """Where the last stretch of white space begins; -1 without one."""
    end = len(text)
    while end and not text[end - 1].isspace():
        end -= 1
    while end and text[end - 1].isspace():
        end -= 1
    return end if text[end : end + 1].isspace() else -1
