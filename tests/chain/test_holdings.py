from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kapagate.chain.holdings import SMALL, Holdings
from kapagate.chain.problem import Problem
from kapagate.chain.problems import BODY_TOO_LARGE
from kapagate.chain.request import Body


class Sent:
    """A body that comes in pieces; in chunks it does not say how long it is."""

    def __init__(self, pieces: list[bytes], chunked: bool) -> None:
        self.pieces = pieces
        self.length = None if chunked else sum(map(len, pieces))
        self.closed = False

    def at_hand(self) -> bytes | None:
        return None

    async def read(self, limit: int) -> bytes:
        if self.length is not None and self.length > limit:
            raise Problem(BODY_TOO_LARGE, "too large")
        return b"".join(self.pieces)

    async def stream(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


class Came:
    """An answer that comes in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.closed = False

    def __aiter__(self) -> Came:
        return self

    async def __anext__(self) -> bytes:
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)

    async def aclose(self) -> None:
        self.closed = True


LARGE = [b"x" * SMALL, b"y"]


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_is_read_whole_is_held_until_its_exchange_ends(chunked: bool) -> None:
    holdings = Holdings(3 * SMALL)
    for decision in ("one", "two"):
        assert await holdings.body(Sent(LARGE, chunked), decision).read(4 * SMALL) == b"".join(LARGE)
    with pytest.raises(Problem, match="unavailable") as refused:
        await holdings.body(Sent(LARGE, chunked), "three").read(4 * SMALL)
    assert refused.value.retry_after == 1
    for decision in ("one", "two", "three"):
        holdings.give_back(decision)
    assert not holdings
    assert await holdings.body(Sent(LARGE, chunked), "four").read(4 * SMALL) == b"".join(LARGE)


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_is_too_large_is_told_so(chunked: bool) -> None:
    holdings = Holdings(SMALL)
    with pytest.raises(Problem, match="body-too-large"):
        await holdings.body(Sent(LARGE, chunked), "one").read(SMALL - 1)
    assert not holdings


async def test_what_streams_through_or_is_small_is_not_counted() -> None:
    holdings = Holdings(1)
    streamed: Body = holdings.body(Sent(LARGE, False), "one")
    assert [piece async for piece in streamed.stream()] == LARGE
    assert (streamed.length, streamed.at_hand()) == (SMALL + 1, None)
    assert await holdings.body(Sent([b"x" * SMALL], False), "one").read(SMALL) == b"x" * SMALL
    assert [piece async for piece in holdings.answer(Came([b"a"]), 1, "one")] == [b"a"]
    assert not holdings


@pytest.mark.parametrize("length", [None, SMALL + 1])
async def test_an_answer_that_is_held_counts_as_it_comes(length: int | None) -> None:
    holdings, came = Holdings(SMALL), Came(list(LARGE))
    answer = holdings.answer(came, length, "one")
    assert await anext(answer) == LARGE[0]
    with pytest.raises(Problem, match="unavailable"):
        await anext(answer)
    await answer.aclose()  # type: ignore[attr-defined]  # what the engine asks for
    assert came.closed
    holdings.give_back("one")
    assert not holdings
