"""From the upstream's bytes to the client's: decode once, rules, encode once. Knows no sockets and no clock.

bytes -> codec -> event rules -> window (text rules, limit) -> codec -> bytes
                                 at the end: end rules, then the closing record
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence

from kapagate.answer.answer import Answer
from kapagate.answer.codec import Codec, Garbled
from kapagate.answer.events import Event, Identifiers, Record, Text, Uncertain
from kapagate.answer.held import Held, unedited
from kapagate.answer.refusal import Refusal, RuleFailed, Withheld
from kapagate.answer.report import Report, count
from kapagate.answer.rules import AnswerRules, EndRule, EventRule
from kapagate.answer.switches import Switches, leaving
from kapagate.answer.window import Window

HELD_BYTES = 16 * 2**20


async def pump(
    body: AsyncIterator[bytes],
    codec: Codec,
    rules: Sequence[AnswerRules],
    hold: bool,
    report: Report,
    switches: Switches | None = None,
) -> AsyncIterator[bytes]:
    """Pieces for the client, none of them empty; the last one ends with the closing record.

    `rules` in the order in which they apply. `hold`: nothing leaves before the upstream's end. `switches`: what of them
    is switched off meanwhile. Raises Garbled, Refused, RuleFailed and any Refusal of a rule; what was yielded before
    stays valid, and may then be ended with `codec.failure`.
    """
    flow = Flow(codec, rules, hold, report, switches)
    try:
        async for chunk in body:
            if piece := flow.feed(chunk):
                yield piece
        if piece := await flow.finish():
            yield piece
    finally:
        report.dropped = codec.dropped


async def pump_whole(body: AsyncIterator[bytes], codec: Codec, rules: Sequence[AnswerRules], report: Report) -> bytes:
    """The one piece of an answer whose codec is `whole`. Raises what `pump` raises.

    Most answers hold nothing that any rule would act on. That is found out at a glance, and they do not flow.
    """
    data = await _all_of(body)
    events = [*codec.decode(data), *codec.end()]
    acting = [each for each in rules if each.absent is None or not each.absent(data)]
    running = None if any(each.event for each in acting) else unedited(events, acting)
    if running is None:
        flow = Flow(codec, rules, True, report)
        flow.take(events)
        return await flow.close()
    end = _End(rules, report, True)
    report.passed(rules, running)
    return codec.finish(await end.close(events))


async def _all_of(body: AsyncIterator[bytes]) -> bytes:
    chunks, held = [], 0
    async for chunk in body:
        chunks.append(chunk)
        held += len(chunk)
        _bound(held)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _bound(held: int) -> None:
    if held > HELD_BYTES:
        raise Garbled(f"more than {HELD_BYTES} bytes of an answer would have to be held back")


class Flow:
    """One answer under way: chunks in, what leaves out; `finish` gives the rest."""

    def __init__(
        self,
        codec: Codec,
        rules: Sequence[AnswerRules],
        hold: bool,
        report: Report,
        switches: Switches | None = None,
    ) -> None:
        self._codec = codec
        self._report = report
        self._rules = rules
        self._switches = switches
        self._end = _End(rules, report, hold)
        self._window = Held(rules, report) if hold else Window(rules, report)
        self._event_rules = [(each, each.event) for each in rules if each.event is not None]
        self._held = 0

    def feed(self, chunk: bytes) -> bytes:
        switches = self._switches
        if switches is not None and switches.live.generation is not switches.known:
            self._let_go(switches)
        self.take(self._codec.decode(chunk))
        released = self._window.release()
        if self._window.waiting:
            self._held += len(chunk)
            _bound(self._held)
        else:
            self._held = 0
        return self._codec.encode(self._end.told(released)) if released else b""

    async def finish(self) -> bytes:
        switches = self._switches
        if switches is not None and switches.live.generation is not switches.known:
            self._let_go(switches)
        self.take(self._codec.end())
        return await self.close()

    async def close(self) -> bytes:
        return self._codec.finish(await self._end.close(self._window.release(final=True)))

    def _let_go(self, switches: Switches) -> None:
        """Of the steps that were switched off. Raises RuleFailed where one may not leave."""
        steps = leaving(switches.off(), self._rules, self._report)
        self._window.let_go(steps)
        self._end.let_go(steps)
        self._event_rules = [pair for pair in self._event_rules if pair[0].step not in steps]

    def take(self, events: Iterable[Event]) -> None:
        add = self._window.add
        if not self._event_rules:
            for event in events:
                add(event)
            return
        for event in events:
            seen = event if isinstance(event, Text) else self._seen(event)
            if seen is not None:
                add(seen)

    def _seen(self, record: Record) -> Record | None:
        """The record as the event rules leave it."""
        current: Record | None = record
        for pair in tuple(self._event_rules):
            if current is None:
                return None
            current = self._ruled(*pair, current)
        return current

    def _ruled(self, rules: AnswerRules, event: EventRule, record: Record) -> Record | None:
        share = self._report.steps[rules.step]
        try:
            result = event(record)
        except Exception as cause:
            if _passes_over(self._report, rules, cause, "record"):
                self._event_rules.remove((rules, event))
            return record
        if result == record:
            return record
        count(share.edits if rules.binding else share.would_edit, "record")
        return result if rules.binding else record


class _End:
    """Takes note of what is delivered, and lets the end rules append to it or, while nothing has left, replace it."""

    def __init__(self, rules: Sequence[AnswerRules], report: Report, hold: bool) -> None:
        report.enrol(rules)
        self._report = report
        self._hold = hold
        self._answer = Answer()
        self._rules = [(each, each.end) for each in rules if each.end is not None]

    def let_go(self, steps: Collection[str]) -> None:
        """What these steps would decide at the end is not asked for."""
        self._rules = [pair for pair in self._rules if pair[0].step not in steps]

    def told(self, events: Sequence[Event]) -> Sequence[Event]:
        """Events that leave before the end."""
        self._note(events)
        for event in events:
            self._report.tell(event)
        return events

    async def close(self, events: Sequence[Event]) -> Sequence[Event]:
        """The last events as they leave: with what is appended to them, or something else in their place."""
        self._note(events)
        for rules, end in self._rules:
            try:
                appended = await self._ended(rules, end)
            except Withheld as withheld:
                if not self._hold:
                    raise
                count(self._report.steps[rules.step].edits, withheld.kind)
                self._report.withheld = rules.step
                events = _instead(events, withheld.words)
                break
            if appended:
                self._note(appended)
                events = [*events, *appended]
        for event in events:
            self._report.tell(event)
        return events

    def _note(self, events: Sequence[Event]) -> None:
        if self._rules:
            for event in events:
                self._answer.tell(event)

    async def _ended(self, rules: AnswerRules, end: EndRule) -> Sequence[Event]:
        share = self._report.steps[rules.step]
        try:
            events = await end(self._answer)
        except Withheld as withheld:
            share.end_is_due = False
            if rules.binding:
                withheld.step = rules.step
                raise
            count(share.would_edit, withheld.kind)
            return ()
        except Exception as cause:
            _passes_over(self._report, rules, cause, "end")
            return ()
        share.end_is_due = False
        if events:
            count(share.edits if rules.binding else share.would_edit, "end")
        return events if rules.binding else ()


def _instead(events: Sequence[Event], words: str) -> list[Event]:
    """What is said in the place of a withheld answer: that it is, and which it was."""
    return [Text(words), *(event for event in events if isinstance(event, Uncertain | Identifiers))]


def _passes_over(report: Report, rules: AnswerRules, cause: Exception, kind: str) -> bool:
    """Raise what ends the answer; else note it. Whether the rule has to leave for good."""
    share = report.steps[rules.step]
    if isinstance(cause, Refusal):
        if not rules.binding:
            count(share.would_refuse, kind)
            return False
        cause.step = cause.step or rules.step
        raise cause
    if rules.binding and not rules.lenient:
        raise RuleFailed(rules.step, cause) from cause
    share.skipped = f"{kind} rule failed: {type(cause).__name__}"
    return True
