"""`python -m bench.answer`: microseconds of the answer path alone, without chain and sockets.

The pump with the example policy's rules: one whole JSON answer of 600 bytes, the same in 40 records, each arriving
alone, and all at once; and the rule on personal data on a question and on a piece of a stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from time import thread_time
from timeit import repeat
from typing import Any

import orjson

from bench.upstream import ANSWER, pieces, whole
from kapagate.answer.codec import Codec
from kapagate.answer.events import Text
from kapagate.answer.pump import pump, pump_whole
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, Limit
from kapagate.guards.personal import PersonalData
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.records import RecordsCodec

QUESTION = "How do I rotate the API key of my workspace, and does the old one keep working for a while?"


def chunks_of(raw: Sequence[bytes]) -> list[bytes]:
    """The records in the chunked response that `pieces` writes."""
    return [each[each.find(b"{") : each.rfind(b"\r\n")].removesuffix(b"\r\n0\r\n") for each in raw]


def rules() -> list[AnswerRules]:
    """What `answer` and `metrics` of the example policy contribute."""

    async def end(_: object) -> Sequence[Text]:
        return ()

    return [AnswerRules("answer", texts=(PersonalData(),), limit=Limit(8000, " […]"), end=end), AnswerRules("metrics")]


async def _body(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def pumped(chunks: Sequence[bytes], codec: Callable[[], Codec], given: Sequence[AnswerRules]) -> Callable[[], object]:
    async def run() -> bytes:
        made = codec()
        if made.whole:
            return await pump_whole(_body(chunks), made, given, Report())
        return b"".join([piece async for piece in pump(_body(chunks), made, given, False, Report())])

    return lambda: _finished(run())


def _finished(work: Coroutine[Any, Any, bytes]) -> bytes:
    """Nothing in the answer path waits, so no loop is needed."""
    try:
        work.send(None)
    except StopIteration as done:
        result: bytes = done.value
        return result
    raise RuntimeError("the answer path waited")


def microseconds(call: Callable[[], object], times: int) -> float:
    """CPU of this thread; the best of 25 runs, for others may work on the machine."""
    return min(repeat(call, timer=thread_time, number=times, repeat=25)) / times * 1e6


def figures() -> dict[str, float]:
    given, rule = rules(), PersonalData()
    body, records = whole().partition(b"\r\n\r\n")[2], chunks_of(pieces())
    piece = ANSWER[:48]
    return {
        "whole JSON": microseconds(pumped([body], ChatJsonCodec, given), 500),
        "whole JSON, no rules": microseconds(pumped([body], ChatJsonCodec, []), 500),
        "40 records, each alone": microseconds(pumped(records, RecordsCodec, given), 30),
        "40 records, no rules": microseconds(pumped(records, RecordsCodec, []), 30),
        "40 records, in one chunk": microseconds(pumped([b"".join(records)], RecordsCodec, given), 30),
        "a question": microseconds(lambda: rule.scan(QUESTION, 0, True), 2000),
        "an answer": microseconds(lambda: rule.scan(ANSWER, 0, True), 2000),
        "a piece of a stream": microseconds(lambda: rule.scan(piece, 32, False), 2000),
        "orjson both ways": microseconds(lambda: orjson.dumps(orjson.loads(body)), 2000),
    }


def main() -> None:
    for name, figure in figures().items():
        print(f"{figure:8.1f} us  {name}")


if __name__ == "__main__":
    main()
