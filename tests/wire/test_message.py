from __future__ import annotations

import pytest

from tests.wire.message import Ambiguous, read_answer, read_request

HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\n"


def test_reads_what_a_careful_sender_writes() -> None:
    raw = HEAD + b"Content-Length: 2\r\n\r\nab"
    message, size = read_request(raw + b"GET") or pytest.fail("incomplete")
    assert (message.line, message.body, size) == ("POST /a", b"ab", len(raw))
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    message, size = read_request(chunked) or pytest.fail("incomplete")
    assert (message.body, size) == (b"abc", len(chunked))
    assert all(read_request(chunked[:at]) is None for at in range(len(chunked)))
    assert all(read_request(raw[:at]) is None for at in range(len(raw)))


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /a HTTP/1.1\r\n\r\n",
        HEAD + b"Host: a\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: 01\r\n\r\na",
        HEAD + b"Transfer-Encoding: Chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;a\r\na\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
        HEAD + b"A : b\r\n\r\n",
        HEAD + b"A: b\nC: d\r\n\r\n",
        HEAD + b"A: b\0\r\n\r\n",
        HEAD + b" A: b\r\n\r\n",
        b"POST a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /a  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /a HTTP/1.0\r\nHost: a\r\n\r\n",
    ],
)
def test_takes_nothing_that_may_be_read_in_two_ways(raw: bytes) -> None:
    with pytest.raises(Ambiguous):
        read_request(raw)


def test_an_answer_without_framing_ends_with_its_connection() -> None:
    raw = b"HTTP/1.1 200 OK\r\n\r\nab"
    assert read_answer(raw, bodiless=False, ended=False) is None
    message, _ = read_answer(raw, bodiless=False, ended=True) or pytest.fail("incomplete")
    assert message.body == b"ab"
    message, size = read_answer(raw, bodiless=True, ended=False) or pytest.fail("incomplete")
    assert (message.body, size) == (b"", len(raw) - 2)
