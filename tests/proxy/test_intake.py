from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kapagate.chain.problem import Problem
from kapagate.proxy.bounds import Limits
from kapagate.proxy.intake import Intake


class Transport:
    def __init__(self) -> None:
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False


class Connection:
    """What an intake works for, without a socket."""

    def __init__(self, **limits: int) -> None:
        self.heads = 0
        self.paths: list[str] = []
        self.messages: list[Any] = []
        self.problems: list[Problem] = []
        self.spoilt: list[Problem] = []
        self.transport = Transport()
        loop = asyncio.get_running_loop()
        self.intake = Intake(self, self.transport, Limits(**limits), loop)  # type: ignore[arg-type]  # by keyword

    def head_began(self) -> None:
        self.heads += 1

    def begin(self, message: Any, reader: Any) -> None:
        self.paths.append(message.path)
        self.messages.append(message)

    def refuse(self, problem: Problem) -> None:
        self.problems.append(problem)

    def spoil(self, problem: Problem) -> None:
        self.spoilt.append(problem)


GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("step", [1, 5, 1000])
async def test_lets_one_request_in_at_a_time(step: int) -> None:
    connection = Connection()
    raw = b"".join(GET % number for number in range(4))
    for at in range(0, len(raw), step):
        connection.intake.feed(raw[at : at + step])
    for number in range(4):
        assert connection.paths == [f"/{each}" for each in range(number + 1)]
        connection.intake.follow()
    assert connection.intake.reader is None
    assert connection.problems == []


@pytest.mark.parametrize("step", [1, 100, 1 << 20])
async def test_a_head_is_too_large_exactly_above_its_bound(step: int) -> None:
    fields = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    for size, refused in ((1000, False), (1001, True)):
        connection = Connection(head=1000)
        raw = fields + b"x" * (size - len(fields) - 4) + b"\r\n\r\n"
        for at in range(0, len(raw), step):
            if not connection.problems:
                connection.intake.feed(raw[at : at + step])
        assert [problem.kind.name for problem in connection.problems] == ["head-too-large"] * refused


async def test_a_body_behind_a_large_head_is_no_part_of_it() -> None:
    connection = Connection(head=200)
    connection.intake.feed(POST + b"ff\r\n" + b"x" * 255 + b"\r\n0\r\n\r\n" + GET % 1)
    assert connection.problems == []
    assert connection.intake.reader is not None
    assert connection.intake.reader.read_nowait(-1) == b"x" * 255
    connection.intake.follow()
    assert connection.paths == ["/", "/1"]


async def test_pauses_above_its_bound_and_resumes_below() -> None:
    connection = Connection(queued=100)
    connection.intake.feed(POST)
    for _ in range(3):
        connection.intake.feed(b"28\r\n" + b"x" * 40 + b"\r\n")
    assert not connection.transport.reading
    assert connection.intake.reader is not None
    connection.intake.reader.read_nowait(-1)
    assert connection.transport.reading


async def test_holds_what_is_pipelined_and_pauses_above_its_bound() -> None:
    connection = Connection(queued=50)
    connection.intake.feed(GET % 0)
    connection.intake.feed(GET % 1)
    assert connection.transport.reading
    connection.intake.feed(GET % 2)
    assert not connection.transport.reading
    connection.intake.follow()
    assert connection.transport.reading
    assert connection.paths == ["/0", "/1"]


async def test_says_when_a_head_begins() -> None:
    connection = Connection()
    connection.intake.feed(b"GE")
    connection.intake.feed(b"T /")
    assert (connection.heads, connection.intake.begun) == (1, True)


async def test_broken_framing_spoils_the_body() -> None:
    connection = Connection()
    connection.intake.feed(POST)
    connection.intake.feed(b"zz\r\n")
    assert [problem.kind.name for problem in connection.spoilt] == ["malformed-request"]
    assert connection.problems == []


TRAILED = b"1\r\na\r\n2\r\n\r\n\r\n0\r\nA: b\r\nX-Leak: 1\r\n\r\n"


@pytest.mark.parametrize("step", range(1, 160))
async def test_no_trailer_becomes_a_field_of_the_next_request(step: int) -> None:
    connection = Connection()
    raw = POST.replace(b"chunked", b"ChunkeD") + TRAILED + GET % 2 + POST + TRAILED + GET % 4
    for at in range(0, len(raw), step):
        connection.intake.feed(raw[at : at + step])
    for _ in range(3):
        connection.intake.follow()
    assert connection.paths == ["/", "/2", "/", "/4"]
    assert not any(name == b"X-Leak" for message in connection.messages for name, _ in message.raw_headers)


@pytest.mark.parametrize("flood", [b"1;" + b"x" * 400_000 + b"\r\na\r\n", b"0\r\n" + b"A: b\r\n" * 60_000 + b"\r\n"])
async def test_bounds_what_hides_in_framing_also_when_it_comes_at_once(flood: bytes) -> None:
    connection = Connection()
    connection.intake.feed(POST + flood)
    assert [problem.kind.name for problem in connection.spoilt] == ["malformed-request"]


async def test_empty_lines_before_a_chunked_request_cost_no_depth() -> None:
    connection = Connection()
    connection.intake.feed(b"\r\n" * 10_000 + POST + TRAILED + GET % 2)
    connection.intake.follow()
    assert connection.paths == ["/", "/2"]
