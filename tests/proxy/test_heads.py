from __future__ import annotations

from typing import Any

import pytest

from kapagate.chain.hop import Outbound
from kapagate.chain.sink import Head
from kapagate.proxy.heads import Dates, Unwritable, answer_head, request_head

FIXED = (b"Host: a",)


def test_a_request_head_has_the_fields_as_they_are_and_our_framing() -> None:
    outbound = Outbound(b"POST", b"/x?y", [(b"x-Odd", b"\xff"), (b"Accept", b"*/*")])
    head = request_head(outbound, FIXED, (b"Via: 1.1 kapagate", b"Content-Length: 3"))
    fields = b"Host: a\r\nx-Odd: \xff\r\nAccept: */*\r\nVia: 1.1 kapagate\r\nContent-Length: 3\r\n"
    assert head == b"POST /x?y HTTP/1.1\r\n" + fields + b"\r\n"


def test_a_request_head_never_has_a_second_host_or_framing() -> None:
    names = [b"Host", b"CONTENT-LENGTH", b"transfer-encoding", b"Connection", b"Upgrade", b"TE", b"Expect"]
    head = request_head(Outbound(b"GET", b"/", [(name, b"evil") for name in names]), FIXED, ())
    assert head == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("bad", [b"a\r\nX: b", b"a\nb", b"a\rb", b"a\0b"])
def test_no_value_name_or_target_can_add_a_line(bad: bytes, stage: Any) -> None:
    with pytest.raises(Unwritable):
        request_head(Outbound(b"GET", b"/", [(b"X", bad)]), FIXED, ())
    with pytest.raises(Unwritable):
        request_head(Outbound(b"GET", b"/", [(bad, b"x")]), FIXED, ())
    with pytest.raises(Unwritable):
        request_head(Outbound(b"GET", bad, []), FIXED, ())
    with pytest.raises(Unwritable):
        answer_head(Head(200, [(b"Set-Cookie", bad)]), [], Dates(stage.clock))


def test_an_answer_head_has_our_reason_and_one_date(stage: Any) -> None:
    stage.clock.second = 784111777.0
    dates = Dates(stage.clock)
    head = answer_head(Head(404, [(b"X", b"1")]), [b"Content-Length: 0"], dates)
    assert head == (
        b"HTTP/1.1 404 Not Found\r\nX: 1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"
    )
    assert answer_head(Head(200, [(b"date", b"theirs")]), [], dates) == b"HTTP/1.1 200 OK\r\ndate: theirs\r\n\r\n"


def test_an_unknown_status_has_no_reason(stage: Any) -> None:
    assert answer_head(Head(299, [(b"Date", b"x")]), [], Dates(stage.clock)).startswith(b"HTTP/1.1 299 \r\n")


def test_the_date_is_written_again_when_the_second_has_passed(stage: Any) -> None:
    dates = Dates(stage.clock)
    first = dates.line()
    stage.clock.second += 0.5
    assert dates.line() is first
    stage.clock.second += 1
    assert dates.line() != first
