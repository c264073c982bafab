from __future__ import annotations

from collections.abc import AsyncIterator

from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.watched import Watched
from tests.chain.conftest import Pieces, PlainCodec, Replace, WholeCodec

RULES = (AnswerRules("watch", texts=(Replace("word"),), binding=False),)


async def all_of(body: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in body]


async def test_pieces_are_the_bodys_own_and_what_they_say_is_counted() -> None:
    for codec in (PlainCodec(), WholeCodec()):
        report = Report()
        assert await all_of(Watched(Pieces(b"a wo", b"rd", b"!"), codec, RULES, report)) == [b"a wo", b"rd", b"!"]
        assert report.steps["watch"].would_edit == {"word": 1}


async def test_a_piece_leaves_before_it_is_looked_at() -> None:
    report = Report()
    watched = Watched(Pieces(b"word ", b"and more"), PlainCodec(), RULES, report)
    assert await anext(watched) == b"word "
    assert report.steps["watch"].would_edit == {}
    assert await anext(watched) == b"and more"
    assert report.steps["watch"].would_edit == {"word": 1}


async def test_figures_of_what_was_delivered_are_nobodys_here() -> None:
    report = Report()
    await all_of(Watched(Pieces(b"word"), PlainCodec(), RULES, report))
    assert (report.seen, report.released, report.delivered) == (0, 0, 0)


async def test_what_cannot_be_read_passes_and_is_skipped() -> None:
    report = Report()
    assert await all_of(Watched(Pieces(b"\xff", b"word"), PlainCodec(), RULES, report)) == [b"\xff", b"word"]
    assert report.steps["watch"].skipped == "cannot be read: UnicodeDecodeError"
    assert report.steps["watch"].would_edit == {}


async def test_the_body_is_closed_with_its_view() -> None:
    body = Pieces(b"word")
    await Watched(body, PlainCodec(), RULES, Report()).aclose()
    assert body.closed
