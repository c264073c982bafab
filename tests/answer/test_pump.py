from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer import pump as pump_module
from kapagate.answer.answer import Answer
from kapagate.answer.codec import Garbled
from kapagate.answer.events import Event, Failure, Identifiers, Other, Place, Record, Sources, Text, Uncertain
from kapagate.answer.pump import pump, pump_whole
from kapagate.answer.refusal import Refusal, Refused, RuleFailed
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from tests.answer.toys import Broken, Digits, Words, feed, held, pumped, texts

RULES = [AnswerRules("d", texts=(Digits(),)), AnswerRules("w", texts=(Words(),))]


class Lines:
    """One event a line: `name` of a record, or `+text`; `.` is the closing record."""

    def __init__(self, whole: bool = False) -> None:
        self.whole = whole
        self.dropped = 0
        self._rest = ""

    def decode(self, chunk: bytes) -> Iterable[Event]:
        *lines, self._rest = (self._rest + chunk.decode("latin-1")).split("\r")
        return map(self._event, lines)

    def end(self) -> Iterable[Event]:
        return [self._event(self._rest)] if self._rest else []

    def encode(self, events: Iterable[Event]) -> bytes:
        return "".join(self._line(event) for event in events).encode("latin-1")

    def finish(self, events: Iterable[Event]) -> bytes:
        return self.encode(events) + b".\r"

    def failure(self, reason: str) -> bytes | None:
        return None

    def _event(self, line: str) -> Event:
        if line.startswith("?"):
            raise Garbled(line)
        return Text(line[1:]) if line.startswith("+") else Other(line, (Place((), "other"),))

    def _line(self, event: Event) -> str:
        return f"+{event.text}\r" if isinstance(event, Text) else f"{event.value}\r"


async def lines(raw: str, rules: Sequence[AnswerRules] = (), hold: bool = False, report: Report | None = None) -> str:
    pieces = [raw[:1], raw[1:]] if raw else []
    found = await pumped([each.encode("latin-1") for each in pieces], Lines(), rules, hold, report)
    assert all(found)
    return b"".join(found).decode("latin-1")


def appended(events: Sequence[Event]) -> AnswerRules:
    async def end(_: Answer) -> Sequence[Event]:
        return events

    return AnswerRules("end", end=end)


def raising(cause: Exception, **options: bool) -> AnswerRules:
    async def end(_: Answer) -> Sequence[Event]:
        raise cause

    return AnswerRules("end", end=end, **options)


async def test_text_flows_while_it_is_safe_and_records_wait_for_it() -> None:
    pieces = await pumped([b"+one 12\rrec", b"ord\r", b"+345\r", b"+ x\r"], Lines(), RULES[:1])
    assert pieces == [b"+one \r", b"+<n>\rrecord\r+ x\r", b".\r"]


async def test_a_held_answer_leaves_in_one_piece_at_its_end() -> None:
    for codec, hold in ((Lines(), True), (Lines(whole=True), False)):
        assert await pumped([b"+12", b"34\rrecord\r+5\r"], codec, RULES, hold) == [b"+<n>\rrecord\r.\r"]


@given(text=texts(max_size=40), cuts=st.lists(st.integers(0, 60), max_size=6))
def test_delivers_the_same_however_the_bytes_were_cut(text: str, cuts: list[int]) -> None:
    plain = text.replace("\n", " ").encode("latin-1", "replace")
    raw = b"+" + plain[:7] + b"\rrecord\r+" + plain[7:] + b"\r"
    at = sorted({0, len(raw), *(cut % len(raw) for cut in cuts)})
    pieces = [raw[a:b] for a, b in itertools.pairwise(at)]
    out = b"".join(asyncio.run(pumped(pieces, Lines(), RULES))).decode("latin-1")
    said = "".join(line[1:] for line in out.split("\r") if line.startswith("+"))
    assert said == held(RULES, plain.decode("latin-1"))
    assert out.count("record\r") == 1


async def test_an_empty_answer_is_what_the_codec_finishes_with() -> None:
    assert await pumped([], Lines()) == [b".\r"]
    assert await pumped([b"", b""], Lines()) == [b".\r"]


async def test_event_rules_apply_in_order_and_before_the_text_rules() -> None:
    def doubled(record: Record) -> Record | None:
        return record.with_value(record.value * 2)

    def hushed(record: Record) -> Record | None:
        return None if record.value == "xx" else record

    report = Report()
    rules = [AnswerRules("twice", event=doubled), AnswerRules("hush", event=hushed), RULES[0]]
    assert await lines("x\r123\r", rules, report=report) == "<n>\r.\r"
    assert report.steps["twice"].edits == {"record": 2}
    assert report.steps["hush"].edits == {"record": 1}


async def test_a_shadow_rule_that_fails_leaves_and_refuses_nothing() -> None:
    def fails(record: Record) -> Record | None:
        raise RuntimeError("bug")

    report = Report()
    assert await lines("+a\rx\r", [AnswerRules("one", event=fails, binding=False)], report=report) == "+a\rx\r.\r"
    assert report.steps["one"].would_refuse == {}
    assert report.steps["one"].skipped == "record rule failed: RuntimeError"


async def test_shadow_rules_change_nothing_and_are_counted() -> None:
    def drop(record: Record) -> Record | None:
        return None

    async def refuse(_: Answer) -> Sequence[Event]:
        raise Refusal

    async def append(_: Answer) -> Sequence[Event]:
        return [Text("!")]

    report = Report()
    rules = [
        AnswerRules("drop", event=drop, binding=False),
        AnswerRules("refuse", end=refuse, binding=False),
        AnswerRules("append", end=append, binding=False),
    ]
    assert await lines("+a\rx\r", rules, report=report) == "+a\rx\r.\r"
    assert report.steps["drop"].would_edit == {"record": 1}
    assert report.steps["refuse"].would_refuse == {"end": 1}
    assert report.steps["append"].would_edit == {"end": 1}


async def test_what_end_rules_append_comes_before_the_closing_record() -> None:
    rules = [appended([Text(" (careful)")]), AnswerRules("limit"), RULES[0]]
    report = Report()
    assert await lines("+a 12345\rx\r", rules, report=report) == "+a \r+<n>\rx\r+ (careful)\r.\r"
    assert report.delivered == len("a <n> (careful)")


async def test_end_rules_see_the_delivered_answer_and_what_was_appended_before() -> None:
    class Typed(Lines):
        def _event(self, line: str) -> Event:
            kinds: dict[str, Event] = {
                "s": Sources([1]), "u": Uncertain(True), "i": Identifiers({"thread_id": "t"}), "f": Failure("broken"),
            }  # fmt: skip
            return kinds.get(line) or super()._event(line)

    seen: list[Answer] = []

    async def look(answer: Answer) -> Sequence[Event]:
        seen.append(answer)
        return ()

    rules = [RULES[0], appended([Text("!!")]), AnswerRules("look", end=look)]
    await pumped([b"+12345\rs\rs\ru\ri\rf\r"], Typed(), rules)
    assert seen == [Answer(5, [1, 1], True, {"thread_id": "t"}, "broken")]


@pytest.mark.parametrize("lenient", [False, True])
async def test_a_refusal_is_raised_lenient_or_not_with_the_step_that_decided(lenient: bool) -> None:
    with pytest.raises(Refusal) as refused:
        await lines("+a\r", [raising(Refusal("no"), lenient=lenient)])
    assert refused.value.step == "end"


async def test_an_end_rule_that_fails_ends_the_answer_unless_it_is_lenient() -> None:
    with pytest.raises(RuleFailed) as failed:
        await lines("+a\r", [raising(ZeroDivisionError())])
    assert failed.value.step == "end"
    report = Report()
    assert await lines("+a\r", [raising(ZeroDivisionError(), lenient=True)], report=report) == "+a\r.\r"
    assert report.steps["end"].skipped == "end rule failed: ZeroDivisionError"


async def test_an_event_rule_that_fails_ends_the_answer_or_leaves_it_for_good() -> None:
    calls = []

    def failing(record: Record) -> Record | None:
        calls.append(record)
        raise ZeroDivisionError

    with pytest.raises(RuleFailed):
        await lines("x\ry\r", [AnswerRules("e", event=failing)])
    calls.clear()
    report = Report()
    assert await lines("x\ry\r", [AnswerRules("e", event=failing, lenient=True)], report=report) == "x\ry\r.\r"
    assert len(calls) == 1
    assert not report.enforced("e")


async def test_text_before_a_refusal_may_have_left_and_nothing_of_it_has() -> None:
    rules = [AnswerRules("no", texts=(Digits(refuse=True),))]
    pieces = pump(feed([b"+fine 12\r", b"+345 \r"]), Lines(), rules, False, Report())
    assert await anext(pieces) == b"+fine \r"
    with pytest.raises(Refused):
        await anext(pieces)


async def test_a_refusal_in_a_record_is_raised_too() -> None:
    with pytest.raises(Refused):
        await lines("12345\r", [AnswerRules("no", texts=(Digits(refuse=True),))])


async def test_a_rule_that_left_because_of_a_record_has_left_the_text_too() -> None:
    report = Report()
    out = await lines("a!\r+b!\r", [AnswerRules("l", texts=(Broken(),), lenient=True)], report=report)
    assert out == "a!\r+b!\r.\r"
    assert not report.enforced("l")


async def test_garbled_bytes_are_raised_and_dropped_records_reported() -> None:
    codec, report = Lines(), Report()
    codec.dropped = 3
    with pytest.raises(Garbled):
        await pumped([b"+a\r?\r"], codec, report=report)
    assert report.dropped == 3


async def test_holds_no_more_bytes_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump_module, "HELD_BYTES", 100)
    assert await pumped([b"+flowing on\r"] * 50, Lines(), RULES)
    with pytest.raises(Garbled):
        await pumped([b"+held back\r"] * 50, Lines(), RULES, hold=True)
    with pytest.raises(Garbled):
        await pumped([b"+12\r", *[b"waits for 12\r"] * 50], Lines(), RULES)


async def test_says_enforced_only_of_what_held_to_the_end() -> None:
    report = Report()
    await lines(
        "+12345 a!\rx\r", [*RULES, appended([]), AnswerRules("l", texts=(Broken(),), lenient=True)], report=report
    )
    assert {step: report.enforced(step) for step in (*report.steps, "unknown")} == {
        "d": True, "w": True, "end": True, "l": False, "unknown": False,
    }  # fmt: skip
    refused = Report()
    with pytest.raises(Refused):
        await lines("+12345 a\r", [AnswerRules("no", texts=(Digits(refuse=True),)), appended([])], report=refused)
    assert not refused.enforced("end")


async def test_an_answer_that_is_one_value_is_pumped_in_one_piece() -> None:
    report, body = Report(), [b"+12", b"34\rrec", b"ord\r+5\r"]
    out = await pump_whole(feed(body), Lines(whole=True), [*RULES, appended([Text("!")])], report)
    assert out == b"+<n>\rrecord\r+!\r.\r"
    assert report.steps["d"].edits == {"digits": 1}


async def test_one_value_has_the_same_bound_and_is_garbled_as_a_stream_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Garbled):
        await pump_whole(feed([b"?\r"]), Lines(whole=True), (), Report())
    monkeypatch.setattr(pump_module, "HELD_BYTES", 100)
    with pytest.raises(Garbled):
        await pump_whole(feed([b"+held back\r"] * 50), Lines(whole=True), RULES, Report())
