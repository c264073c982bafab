from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from kapagate.standin import DEFAULT_PROJECTS, StandIn
from kapagate.standin.errors import KapaError
from kapagate.standin.throttle import CHATS, Throttle

(PROJECT, KEY), (_, OTHER_KEY) = DEFAULT_PROJECTS.items()


def refusal(throttle: Throttle, now: float, key: str = "k") -> dict[str, str]:
    with pytest.raises(KapaError) as caught:
        throttle.take(key, now)
    assert caught.value.status == 429
    return caught.value.headers


def test_so_many_within_any_minute_and_then_says_when_the_next_may_come() -> None:
    throttle = Throttle(CHATS)
    for number in range(CHATS):
        throttle.take("k", 100.0 + number)
    assert refusal(throttle, 119.5) == {"Retry-After": "41"}
    assert refusal(throttle, 159.0) == {"Retry-After": "1"}
    throttle.take("k", 160.0)
    assert refusal(throttle, 160.5) == {"Retry-After": "1"}


def test_keys_do_not_share() -> None:
    throttle = Throttle(1)
    throttle.take("k", 0.0)
    throttle.take("other", 0.0)
    assert refusal(throttle, 1.0, "other") == {"Retry-After": "59"}


def test_without_a_limit_everybody_may() -> None:
    throttle = Throttle(None)
    for _ in range(1000):
        throttle.take("k", 0.0)


def test_none_may_be_the_limit() -> None:
    assert refusal(Throttle(0), 5.0) == {"Retry-After": "60"}


@pytest.fixture
async def kapa() -> AsyncIterator[StandIn]:
    async with StandIn(limit=2, now=lambda: 1000.0) as running:
        yield running


async def test_chats_are_throttled_after_the_key_and_before_the_project(kapa: StandIn) -> None:
    unknown = "/query/v1/projects/00000000-0000-0000-0000-000000000000/chat/"
    chat, retrieval = (f"/query/v1/projects/{PROJECT}/{each}/" for each in ("chat", "retrieval"))
    async with aiohttp.ClientSession(kapa.url) as session:

        async def ask(path: str, key: str = KEY) -> int:
            async with session.post(path, json={"query": "q"}, headers={"X-API-KEY": key}) as answer:
                if answer.status == 429:
                    assert answer.headers["Retry-After"] == "60"
                    assert (await answer.json())["detail"].startswith("Request was throttled.")
                return answer.status

        assert [await ask(chat) for _ in range(3)] == [200, 200, 429]
        assert (await ask(unknown), await ask(retrieval)) == (429, 200)
        assert (await ask(chat, "bad"), await ask(chat, OTHER_KEY)) == (401, 404)
