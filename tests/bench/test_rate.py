from __future__ import annotations

import asyncio

import pytest

from bench.load import Refused, post
from bench.rate import Schedule, at_rate, quantile
from bench.upstream import ANSWER, Answering, pieces, whole

QUESTION = post("/query/v1/projects/default/chat/", b'{"query": "x"}', {}, ANSWER[:40].encode())


def test_what_is_due_does_not_wait_for_answers() -> None:
    schedule = Schedule(first=10.0, rate=100, count=50)
    assert schedule.due(9.9) == 0
    assert schedule.due(10.0) == 1
    assert schedule.due(10.1049) == 10
    assert list(schedule.waiting) == pytest.approx([10.0 + number / 100 for number in range(11)])


def test_a_stall_is_seen_by_all_that_were_due_in_it() -> None:
    schedule = Schedule(first=0.0, rate=100, count=200)
    schedule.due(1.0)
    for due in schedule.waiting:
        schedule.answered(due, 1.0)  # nothing moved for a second, then all was answered at once
    assert quantile(schedule.latencies, 0.5) == pytest.approx(0.5)
    assert quantile(schedule.latencies, 0.99) == pytest.approx(0.99)


def test_no_more_become_due_than_were_planned() -> None:
    schedule = Schedule(first=0.0, rate=10, count=5)
    assert schedule.due(100.0) == 5
    assert schedule.due(200.0) == 0


def test_quantiles_are_values_that_were_taken() -> None:
    values = [float(each) for each in range(1, 101)]
    assert [quantile(values, share) for share in (0.5, 0.99, 0.999, 1.0)] == [50, 99, 100, 100]
    assert quantile([7.0], 0.5) == 7


async def test_every_request_of_a_rate_is_answered_and_counted() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(loop, whole(), pieces()), "127.0.0.1", 0)
    async with server:
        latencies = await at_rate(server.sockets[0].getsockname()[1], QUESTION, 400, 0.25)
    assert len(latencies) == 100
    assert min(latencies) > 0


async def test_a_refusal_ends_it() -> None:
    loop = asyncio.get_running_loop()
    refusal = b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"
    server = await loop.create_server(lambda: Answering(loop, refusal, pieces()), "127.0.0.1", 0)
    async with server:
        with pytest.raises(Refused, match="503"):
            await at_rate(server.sockets[0].getsockname()[1], QUESTION, 400, 0.25)
