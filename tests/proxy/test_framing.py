from __future__ import annotations

import pytest

from kapagate.chain.problem import Problem
from kapagate.proxy.framing import (
    CHUNKED,
    CLOSE,
    LENGTH,
    NONE,
    Framing,
    Unframed,
    check_request,
    chunk,
    frame_answer,
    frame_request,
    read_answer,
)


@pytest.mark.parametrize(
    ("status", "to_head", "http10", "length", "framing"),
    [
        (200, False, False, 5, LENGTH),
        (200, False, False, 0, LENGTH),
        (200, False, False, None, CHUNKED),
        (200, False, True, 5, LENGTH),
        (200, False, True, None, CLOSE),
        (200, True, False, 5, NONE),
        (200, True, True, None, NONE),
        (204, False, False, None, NONE),
        (304, False, False, 10, NONE),
        (404, False, False, None, CHUNKED),
    ],
)
def test_an_answer_is_delimited_by_what_client_status_and_length_allow(
    status: int, to_head: bool, http10: bool, length: int | None, framing: Framing
) -> None:
    assert frame_answer(status, to_head, http10, length) is framing


def test_a_request_goes_with_its_length_or_in_chunks() -> None:
    assert frame_request(7) == b"Content-Length: 7"
    assert frame_request(None) == b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("headers", "http10", "name"),
    [
        ([(b"Transfer-Encoding", b"chunked")], True, "malformed-request"),
        ([(b"Transfer-Encoding", b"chunked"), (b"transfer-encoding", b"chunked")], False, "malformed-request"),
        ([(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"1")], False, "malformed-request"),
        ([], False, "malformed-request"),
        ([(b"Transfer-Encoding", b"gzip, chunked")], False, "not-implemented"),
        ([(b"Transfer-Encoding", b"chunked, chunked")], False, "not-implemented"),
        ([(b"Transfer-Encoding", b"\x0bchunked")], False, "not-implemented"),
        ([(b"Transfer-Encoding", b"chunked;a=b")], False, "malformed-request"),
        ([(b"Transfer-Encoding", b"")], False, "malformed-request"),
    ],
)
def test_refuses_a_chunked_request_that_says_anything_else(
    headers: list[tuple[bytes, bytes]], http10: bool, name: str
) -> None:
    with pytest.raises(Problem) as refused:
        check_request(headers, http10)
    assert refused.value.kind.name == name


def test_accepts_a_chunked_request_in_any_case() -> None:
    check_request([(b"TRANSFER-ENCODING", b"Chunked ")], http10=False)


@pytest.mark.parametrize(
    ("status", "to_head", "headers", "expected"),
    [
        (200, False, [(b"content-length", b"12")], (LENGTH, 12)),
        (200, False, [(b"Content-Length", b" 12 ")], (LENGTH, 12)),
        (200, False, [(b"Transfer-Encoding", b"CHUNKED")], (CHUNKED, None)),
        (200, False, [], (CLOSE, None)),
        (200, True, [(b"Content-Length", b"12")], (NONE, 12)),
        (200, True, [], (NONE, None)),
        (204, False, [], (NONE, None)),
        (304, False, [(b"Content-Length", b"12")], (NONE, 12)),
    ],
)
def test_reads_how_an_answer_ends(
    status: int, to_head: bool, headers: list[tuple[bytes, bytes]], expected: tuple[Framing, int | None]
) -> None:
    assert read_answer(status, to_head, headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        [(b"Content-Length", b"1"), (b"Content-Length", b"1")],
        [(b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"gzip, chunked")],
        [(b"Transfer-Encoding", b"gzip")],
        [(b"Transfer-Encoding", b"identity")],
        [(b"Content-Length", b"+1")],
        [(b"Content-Length", b"0x1")],
        [(b"Content-Length", b"1, 1")],
        [(b"Content-Length", b"")],
        [(b"Content-Length", b"9" * 19)],
    ],
)
def test_does_not_believe_an_answer_that_can_be_read_in_two_ways(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Unframed):
        read_answer(200, False, headers)


def test_the_last_chunk_goes_with_the_last_piece() -> None:
    assert chunk(b"a" * 17, last=False) == b"11\r\n" + b"a" * 17 + b"\r\n"
    assert chunk(b"abc", last=True) == b"3\r\nabc\r\n0\r\n\r\n"
    assert chunk(b"", last=True) == b"0\r\n\r\n"


def test_an_empty_piece_is_not_the_last_chunk() -> None:
    assert chunk(b"", last=False) == b""


@pytest.mark.parametrize("status", [200, 304])
def test_a_transfer_coding_in_http_1_0_is_faulty_framing(status: int) -> None:
    with pytest.raises(Unframed):
        read_answer(status, False, [(b"Transfer-Encoding", b"chunked")], True)
