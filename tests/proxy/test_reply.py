from __future__ import annotations

from typing import Any

import pytest

from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Gone
from kapagate.chain.sink import Head, Sink
from kapagate.proxy.heads import Unwritable
from kapagate.proxy.reply import Overrun, Reply


class Terms:
    def __init__(self, dates: Any) -> None:
        self.dates = dates
        self.draining = False


class Dates:
    def line(self) -> bytes:
        return b"Date: now"


class Connection:
    """What a reply writes to, without a socket."""

    def __init__(self) -> None:
        self.terms = Terms(Dates())
        self.gone = False
        self.blocked = False
        self.expecting = False
        self.arrived = False
        self.left: int | None = 0
        self.writes: list[bytes] = []
        self.cuts: list[bool] = []

    def undrained(self) -> int | None:
        return self.left

    def send(self, data: bytes) -> None:
        self.writes.append(data)

    def cut(self, reset: bool) -> None:
        self.gone = True
        self.cuts.append(reset)


def opened(to_head: bool = False, http10: bool = False, asked: bool = True) -> tuple[Reply, Connection]:
    connection = Connection()
    return Reply(connection, to_head, http10, asked), connection  # type: ignore[arg-type]  # a double


async def test_head_and_first_piece_leave_in_one_write() -> None:
    reply, connection = opened()
    await reply.open(Head(200, [(b"X", b"1")]), b"abc", True)
    assert connection.writes == [b"HTTP/1.1 200 OK\r\nX: 1\r\nDate: now\r\nContent-Length: 3\r\n\r\nabc"]
    assert reply.keep_alive


async def test_an_answer_of_unknown_length_goes_in_chunks() -> None:
    reply, connection = opened()
    await reply.open(Head(200, []), b"abc", False)
    await reply.write(b"de", False)
    await reply.write(b"", True)
    assert connection.writes[0].endswith(b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    assert connection.writes[1:] == [b"2\r\nde\r\n", b"0\r\n\r\n"]


async def test_a_known_length_is_said_and_kept() -> None:
    reply, connection = opened()
    await reply.open(Head(200, [], 5), b"", False)
    await reply.write(b"abc", False)
    await reply.write(b"de", True)
    assert connection.writes[0].endswith(b"Content-Length: 5\r\n\r\n")
    assert connection.writes[1:] == [b"abc", b"de"]


@pytest.mark.parametrize("pieces", [[b"abc"], [b"abcdef"], [b"abc", b"def"], [b"abc", b""]])
async def test_a_body_that_is_not_as_long_as_promised_is_cut(pieces: list[bytes]) -> None:
    reply, connection = opened()
    await reply.open(Head(200, [], 5), b"", False)
    last = len(pieces) - 1
    for piece in pieces[:last]:
        await reply.write(piece, False)
    with pytest.raises(Overrun):
        await reply.write(pieces[last], True)
    assert connection.cuts == [False]
    assert len(b"".join(connection.writes[1:])) < 5


@pytest.mark.parametrize(
    ("head", "failure"), [(Head(200, [], 5), Overrun), (Head(200, [(b"X", b"a\r\nY: b")]), Unwritable)]
)
async def test_an_answer_that_cannot_be_opened_can_be_told_otherwise(head: Head, failure: type[Exception]) -> None:
    reply, connection = opened()
    with pytest.raises(failure):
        await reply.open(head, b"abc", True)
    assert (reply.opened, connection.writes, connection.cuts) == (False, [], [])
    await reply.open(Head(500, []), b"no", True)
    assert connection.writes[0].startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize(("status", "to_head"), [(200, True), (204, False), (304, False)])
async def test_answers_without_a_body_drop_their_pieces(status: int, to_head: bool) -> None:
    reply, connection = opened(to_head=to_head)
    await reply.open(Head(status, []), b"abc", False)
    await reply.write(b"def", True)
    assert b"".join(connection.writes) == connection.writes[0]
    assert connection.writes[0].endswith(b"Date: now\r\n\r\n")
    assert reply.keep_alive


async def test_an_answer_to_head_says_the_length_that_it_would_have() -> None:
    reply, connection = opened(to_head=True)
    await reply.open(Head(200, [], 1234), b"", True)
    assert b"Content-Length: 1234\r\n" in connection.writes[0]


async def test_an_old_client_gets_no_chunks_and_a_reset_when_cut() -> None:
    reply, connection = opened(http10=True)
    await reply.open(Head(200, []), b"abc", False)
    assert connection.writes[0].endswith(b"Connection: close\r\n\r\nabc")
    reply.cut()
    assert connection.cuts == [True]
    assert not reply.keep_alive


async def test_an_old_client_that_asks_keeps_its_connection() -> None:
    reply, connection = opened(http10=True, asked=True)
    await reply.open(Head(200, []), b"abc", True)
    assert b"Connection: keep-alive\r\n" in connection.writes[0]


async def test_says_close_when_the_connection_will_not_stay() -> None:
    for change in ({"left": None}, {"expecting": True}):
        reply, connection = opened()
        for name, value in change.items():
            setattr(connection, name, value)
        await reply.open(Head(200, []), b"", True)
        assert b"Connection: close\r\n" in connection.writes[0]


async def test_what_comes_too_late_reaches_nobody() -> None:
    reply, connection = opened()
    await reply.open(Head(200, []), b"abc", True)
    for _ in range(2):
        with pytest.raises(Gone):
            await reply.write(b"late", True)
        with pytest.raises(Gone):
            await reply.open(Head(200, []), b"late", True)
    reply.cut()
    assert len(connection.writes) == 1
    assert connection.cuts == []


async def test_a_cut_answer_is_unfinished_on_the_wire(stage: Any) -> None:
    async def cut(exchange: Exchange, sink: Sink) -> None:
        await sink.open(Head(200, []), b"abc", False)
        sink.cut()

    client = await stage.client(await stage.listener(stage.scripted(cut)))
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await client.rest()).endswith(b"\r\n\r\n3\r\nabc\r\n")


async def test_a_cut_answer_to_an_old_client_is_a_reset_on_the_wire(stage: Any) -> None:
    async def cut(exchange: Exchange, sink: Sink) -> None:
        await sink.open(Head(200, []), b"abc", False)
        sink.cut()

    client = await stage.client(await stage.listener(stage.scripted(cut)))
    await client.send(b"GET / HTTP/1.0\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_the_connection_of_a_client_that_did_not_wait_for_its_100_stays() -> None:
    reply, connection = opened()
    connection.expecting = connection.arrived = True
    await reply.open(Head(200, []), b"", True)
    assert b"Connection: close\r\n" not in connection.writes[0]
