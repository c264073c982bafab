from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kapagate.chain.problem import Gone
from kapagate.chain.response import Truncated
from kapagate.proxy.inbound import Answer


class Connection:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def await_piece(self) -> None:
        self.calls.append("awaited")

    def taken(self) -> None:
        self.calls.append("taken")

    def abandon(self) -> None:
        self.calls.append("abandoned")


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def exchange(stage: Any) -> Any:
    return stage.exchange()


def answer_of(connection: Connection, exchange: Any) -> Answer:
    return Answer(connection, exchange)  # type: ignore[arg-type]  # a double


async def test_pieces_outlive_the_connections_interest(connection: Connection, exchange: Any) -> None:
    answer = answer_of(connection, exchange)
    answer.feed(b"a")
    answer.feed(b"b")
    answer.finish()
    assert [piece async for piece in answer] == [b"ab"]
    assert connection.calls == []


async def test_gives_all_that_came_as_one_piece_and_tells_that_it_was_taken(
    connection: Connection, exchange: Any
) -> None:
    answer = answer_of(connection, exchange)
    answer.feed(b"abc")
    answer.feed(b"de")
    assert answer.queued == 5
    assert await anext(answer) == b"abcde"
    assert answer.queued == 0
    assert connection.calls == ["taken"]


async def test_pieces_come_before_the_failure_that_followed_them(connection: Connection, exchange: Any) -> None:
    answer = answer_of(connection, exchange)
    answer.feed(b"a")
    answer.fail(Truncated("cut"))
    assert await anext(answer) == b"a"
    for _ in range(2):
        with pytest.raises(Truncated):
            await anext(answer)


async def test_a_complete_answer_cannot_fail(connection: Connection, exchange: Any) -> None:
    answer = answer_of(connection, exchange)
    answer.feed(b"a")
    answer.finish()
    answer.fail(Truncated("late"))
    assert [piece async for piece in answer] == [b"a"]


async def test_waits_for_the_next_piece(connection: Connection, exchange: Any) -> None:
    answer = answer_of(connection, exchange)
    waiting = asyncio.ensure_future(anext(answer))
    await asyncio.sleep(0)
    assert connection.calls == ["awaited"]
    answer.feed(b"a")
    assert await waiting == b"a"


async def test_leaving_ends_the_connection_and_forgets_the_pieces(connection: Connection, exchange: Any) -> None:
    answer = answer_of(connection, exchange)
    answer.feed(b"a")
    exchange.leave()
    with pytest.raises(Gone):
        await anext(answer)
    assert connection.calls == ["abandoned"]


async def test_closing_ends_only_an_unfinished_answers_connection(connection: Connection, exchange: Any) -> None:
    finished = answer_of(connection, exchange)
    finished.finish()
    await finished.aclose()
    assert connection.calls == []
    await answer_of(connection, exchange).aclose()
    assert connection.calls == ["abandoned"]


async def test_nobody_is_told_of_a_leaving_client_when_the_answer_is_complete(
    connection: Connection, exchange: Any
) -> None:
    answer_of(connection, exchange).finish()
    assert exchange.when_gone is None


async def test_a_finished_answer_leaves_the_next_hops_word_alone(connection: Connection, exchange: Any) -> None:
    first = answer_of(connection, exchange)
    second = answer_of(connection, exchange)
    first.finish()
    assert exchange.when_gone == second.leave
