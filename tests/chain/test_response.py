from __future__ import annotations

from kapagate.chain.response import Response, Truncated, once


async def test_a_whole_answer_is_local_and_knows_its_length() -> None:
    response = Response.whole(200, [(b"A", b"b")], b"hello")
    assert (response.status, response.headers, response.length, response.local) == (200, [(b"A", b"b")], 5, True)
    assert response.codec is None
    assert response.body is not None
    assert [piece async for piece in response.body] == [b"hello"]


def test_a_whole_answer_of_nothing_has_no_body() -> None:
    response = Response.whole(204, [], b"")
    assert (response.body, response.length) == (None, 0)


def test_two_answers_do_not_share_their_fields() -> None:
    one, other = Response(200), Response(200)
    one.headers.append((b"A", b"b"))
    assert other.headers == []


async def test_once_is_one_piece() -> None:
    assert [piece async for piece in once(b"x")] == [b"x"]


def test_a_broken_answer_is_an_exception_that_hooks_may_see() -> None:
    assert issubclass(Truncated, Exception)
