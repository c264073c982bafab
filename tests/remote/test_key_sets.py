from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kapagate.chain.problem import Problem
from kapagate.identity.key_sets import KeySet
from kapagate.proxy.egress import allowed
from kapagate.remote.documents import Documents
from kapagate.remote.key_sets import (
    FLOOR,
    FRESH,
    LONGEST_FRESH,
    MOST_WAITING,
    SERVED_FOR,
    ProviderKeys,
    ProviderKeySets,
)
from tests.chain.conftest import FakeClock
from tests.identity.keys import jwk
from tests.remote.provider import Provider, serving

RS256 = ("RS256",)
PROBLEM = "identity-provider-unavailable"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with serving(Provider()) as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keys(provider: Provider, clock: FakeClock) -> ProviderKeys:
    return ProviderKeySets(Documents(allowed), clock).open(provider.url, RS256, None)


async def refusal(keys: ProviderKeys) -> Problem:
    with pytest.raises(Problem) as caught:
        await keys.key_set()
    return caught.value


async def test_a_set_is_fetched_once_and_kept(provider: Provider, keys: ProviderKeys) -> None:
    first = await keys.key_set()
    assert first.select("RS256", "RSA")
    assert await keys.key_set() is first
    assert (provider.asked, len(keys), keys.age, keys.failure) == (1, 1, 0.0, "")


async def test_all_who_wait_wait_for_one_fetch(provider: Provider, keys: ProviderKeys) -> None:
    provider.hold = asyncio.Event()
    waiting = [asyncio.create_task(keys.key_set()) for _ in range(20)]
    await provider.reached.wait()
    provider.hold.set()
    assert len(set(await asyncio.gather(*waiting))) == 1
    assert provider.asked == 1


async def test_only_so_many_wait_for_a_provider_that_hangs(provider: Provider, keys: ProviderKeys) -> None:
    provider.hold = asyncio.Event()
    waiting = [asyncio.create_task(keys.key_set()) for _ in range(MOST_WAITING)]
    await provider.reached.wait()
    assert (await refusal(keys)).kind.name == PROBLEM
    provider.hold.set()
    assert len(set(await asyncio.gather(*waiting))) == 1
    assert await keys.newer(KeySet([]))


async def test_who_leaves_does_not_end_the_fetch_of_the_others(provider: Provider, keys: ProviderKeys) -> None:
    provider.hold = asyncio.Event()
    leaving, staying = asyncio.create_task(keys.key_set()), asyncio.create_task(keys.key_set())
    await provider.reached.wait()
    leaving.cancel()
    provider.hold.set()
    assert await staying
    assert provider.asked == 1


async def test_a_missing_key_makes_one_fetch_per_floor(
    provider: Provider, keys: ProviderKeys, clock: FakeClock
) -> None:
    first = await keys.key_set()
    provider.publish(jwk("RSA"), jwk("RSA", kid="new"))
    for _ in range(3):
        assert await keys.newer(first) is first
    assert provider.asked == 1
    clock.advance(FLOOR)
    newer = await keys.newer(first)
    assert newer.select("RS256", "new")
    assert await keys.newer(first) is newer
    assert provider.asked == 2
    assert await keys.newer(newer) is newer
    assert provider.asked == 2


async def test_a_key_that_leaves_the_set_raises_the_revision(
    provider: Provider, keys: ProviderKeys, clock: FakeClock
) -> None:
    revisions = []
    for published in (
        [jwk("RSA")],
        [jwk("RSA"), jwk("RSA", kid="new")],
        [jwk("RSA", kid="new"), jwk("RSA")],
        [jwk("RSA", kid="new")],
        [jwk("RSA", kid="new", n=jwk("RSA")["n"], alg="RS256")],
    ):
        provider.publish(*published)
        await keys.ask()
        revisions.append(keys.revision())
        clock.advance(FLOOR)
    assert revisions == [0, 0, 0, 1, 1]
    assert provider.asked == 5


async def test_another_key_under_the_same_name_raises_the_revision(provider: Provider, clock: FakeClock) -> None:
    keys = ProviderKeySets(Documents(allowed), clock).open(provider.url, ("ES256", "ES384"), None)
    for name in ("P-256", "P-384"):
        provider.publish(jwk(name, kid="k"))
        await keys.ask()
        clock.advance(FLOOR)
    assert keys.revision() == 1


async def test_a_set_that_never_came_is_a_503_and_no_401(
    provider: Provider, keys: ProviderKeys, clock: FakeClock
) -> None:
    provider.status = 500
    refused = await refusal(keys)
    assert (refused.kind.name, refused.kind.status, refused.retry_after) == (PROBLEM, 503, FLOOR)
    assert keys.failure == "status 500"
    assert keys.age is None
    clock.advance(FLOOR - 10)
    assert (await refusal(keys)).retry_after == 10
    assert provider.asked == 1
    clock.advance(10)
    provider.publish(jwk("RSA"))
    assert await keys.key_set()
    assert keys.failure == ""


async def test_the_last_set_serves_for_a_day_when_the_provider_fails(
    provider: Provider, keys: ProviderKeys, clock: FakeClock
) -> None:
    first = await keys.key_set()
    provider.status = 503
    clock.advance(SERVED_FOR - 1)
    await keys.ask()
    assert await keys.key_set() is first
    assert (keys.failure, keys.age, keys.revision()) == ("status 503", SERVED_FOR - 1, 0)
    clock.advance(1)
    assert (await refusal(keys)).kind.name == PROBLEM
    assert (keys.age, len(keys), keys.revision()) == (None, 0, 1)


async def test_a_key_that_may_be_new_is_a_503_while_the_provider_fails(
    provider: Provider, keys: ProviderKeys, clock: FakeClock
) -> None:
    first = await keys.key_set()
    clock.advance(FLOOR)
    provider.status = 503
    with pytest.raises(Problem) as caught:
        await keys.newer(first)
    assert caught.value.kind.name == PROBLEM
    assert await keys.key_set() is first


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "is an object"),
        (b'{"keys": {}}', "is a list"),
        (b'{"keys": []}', "no key"),
        (b'{"keys": [{"kty": "oct", "k": "AQAB"}]}', "symmetric"),
        (b'{"keys": [' + b", ".join([b"{}"] * 101) + b"]}", "101 keys"),
    ],
)
async def test_a_set_without_a_usable_key_is_no_set(
    provider: Provider, keys: ProviderKeys, body: bytes, reason: str
) -> None:
    provider.body = body
    await refusal(keys)
    assert reason in keys.failure


async def test_a_bad_set_does_not_replace_a_good_one(provider: Provider, keys: ProviderKeys, clock: FakeClock) -> None:
    first = await keys.key_set()
    clock.advance(FLOOR)
    provider.body = b'{"keys": []}'
    await keys.ask()
    assert await keys.key_set() is first
    assert "no key" in keys.failure


async def test_keys_that_are_no_good_are_passed_over(provider: Provider, keys: ProviderKeys) -> None:
    provider.publish(jwk("RSA"), jwk("small"), {"kty": "new"}, {**jwk("RSA", kid="p"), "d": "AQAB"})
    found = await keys.key_set()
    assert found.select("RS256", "RSA")
    assert not found.select("RS256", "p")
    assert len(found.faults) == 2


async def test_an_outage_is_one_line_and_so_is_its_end(
    provider: Provider, keys: ProviderKeys, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kapagate.remote.key_sets")
    provider.status = 500
    for _ in range(3):
        await keys.ask()
        clock.advance(FLOOR)
    provider.publish(jwk("RSA"))
    for _ in range(3):
        await keys.ask()
        clock.advance(FLOOR)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "status 500" in caplog.text


async def test_a_failure_nobody_thought_of_is_a_503_too(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Documents):
        async def fetch(self, url: str, ca_file: str | None = None) -> Any:
            raise RuntimeError

    keys = ProviderKeys("https://id.example", RS256, None, Broken(allowed), clock)
    assert (await refusal(keys)).kind.name == PROBLEM
    assert "RuntimeError" in caplog.text


class Waits:
    """Time that passes only in waits: each is noted, moves the clock, and the last one never ends."""

    def __init__(self, clock: FakeClock, most: int) -> None:
        self.clock = clock
        self.most = most
        self.noted: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.noted.append(seconds)
        self.clock.advance(seconds)
        if len(self.noted) == self.most:
            self.over.set()
            await asyncio.Event().wait()


async def waits(provider: Provider, clock: FakeClock, most: int = 3) -> list[float]:
    noted = Waits(clock, most)
    sets = ProviderKeySets(Documents(allowed), clock, noted)
    sets.open(provider.url, RS256, None)
    sets.start()
    sets.start()
    await noted.over.wait()
    await sets.close()
    return noted.noted


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, FRESH),
        ({"Cache-Control": "max-age=900"}, 900),
        ({"Cache-Control": "max-age=1"}, 2 * FLOOR),
        ({"Cache-Control": "no-store"}, 2 * FLOOR),
        ({"Cache-Control": "max-age=999999"}, LONGEST_FRESH),
    ],
)
async def test_a_set_is_fetched_again_when_it_is_no_longer_fresh(
    provider: Provider, clock: FakeClock, headers: dict[str, str], seconds: float
) -> None:
    provider.headers = headers
    assert await waits(provider, clock) == [seconds] * 3
    assert provider.asked == 3


async def test_a_provider_that_fails_is_asked_again_after_the_floor(provider: Provider, clock: FakeClock) -> None:
    provider.status = 500
    assert await waits(provider, clock) == [FLOOR] * 3


async def test_a_missing_key_puts_the_next_fetch_off(provider: Provider, clock: FakeClock, keys: ProviderKeys) -> None:
    first = await keys.key_set()
    clock.advance(FRESH - 10)
    await keys.newer(first)
    assert keys._until_stale() == FRESH


async def test_closing_ends_a_fetch_that_is_under_way(provider: Provider, clock: FakeClock) -> None:
    provider.hold = asyncio.Event()
    sets = ProviderKeySets(Documents(allowed), clock)
    keys = sets.open(provider.url, RS256, None)
    sets.start()
    await provider.reached.wait()
    await sets.close()
    assert keys.age is None


async def test_equal_declarations_share_a_source(clock: FakeClock) -> None:
    sets = ProviderKeySets(Documents(allowed), clock)
    first = sets.open("https://id.example/jwks", RS256, None)
    assert sets.open("https://id.example/jwks", RS256, None) is first
    assert sets.open("https://id.example/jwks", ("ES256",), None) is not first
    assert sets.open("https://id.example/jwks", RS256, "ca.pem") is not first
    assert [each.host for each in sets] == ["id.example"] * 3


def test_metadata_addresses_are_refused_when_the_policy_is_loaded(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="never asked"):
        ProviderKeySets(Documents(allowed), clock).open("https://169.254.169.254/jwks", RS256, None)


def test_opening_asks_nobody(clock: FakeClock) -> None:
    """There is no loop here that could."""
    keys = ProviderKeySets(Documents(allowed), clock).open("https://id.example/jwks", RS256, None)
    assert keys.failure == "it has not been asked yet"
