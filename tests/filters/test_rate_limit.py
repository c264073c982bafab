from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import PRINCIPAL, Principal
from kapagate.chain.problem import Problem
from kapagate.chain.services import Services
from kapagate.chain.step import OnRequest
from kapagate.filters.rate_limit import RateLimit
from tests.filters.exchanges import FakeClock, exchange, services

ANN = Principal("ann", "acme", ("viewer", "operator"))


def hook(per: list[str], borrowed: Services | None = None, **options: Any) -> OnRequest:
    declared = RateLimit.model_validate({"per": per, "limit": "60/min", "burst": 2, **options})
    found = declared.compile(borrowed or services()).on_request
    assert found is not None
    return found


async def passes(limit: OnRequest, made: Exchange) -> bool:
    try:
        assert await limit(made) is None
    except Problem:
        return False
    return True


async def shares(per: list[str], one: Exchange, other: Exchange) -> bool:
    """Whether two requests take from the same bucket."""
    limit = hook(per, burst=1)
    assert await passes(limit, one)
    return not await passes(limit, other)


async def test_refuses_above_the_limit_and_says_when_to_come_back() -> None:
    clock = FakeClock()
    limit = hook(["ip"], services(clock))
    assert [await passes(limit, exchange()) for _ in range(3)] == [True, True, False]
    with pytest.raises(Problem) as caught:
        await limit(exchange())
    assert caught.value.kind.name == "rate-limited"
    assert caught.value.detail == "more than 60/min; wait 1 s"
    assert (b"Retry-After", b"1") in caught.value.headers()
    clock.pass_by(1)
    assert await passes(limit, exchange())


async def test_answers_and_refusals_say_what_is_left() -> None:
    limit = hook(["ip"])
    told = []
    for _ in range(3):
        made = exchange(step="door")
        await passes(limit, made)
        told.append(made.headers_out)
    policy = (b"RateLimit-Policy", b'"door";q=60;w=60')
    assert told == [
        [policy, (b"RateLimit", b'"door";r=1;t=1')],
        [policy, (b"RateLimit", b'"door";r=0;t=2')],
        [policy, (b"RateLimit", b'"door";r=0;t=2')],
    ]


@pytest.mark.parametrize(
    ("per", "other", "client", "shared"),
    [
        (["ip"], Principal("bob", "globex"), "192.0.2.7", True),
        (["ip"], ANN, "192.0.2.8", False),
        (["tenant"], Principal("bob", "acme"), "192.0.2.8", True),
        (["tenant"], Principal("ann", "globex"), "192.0.2.7", False),
        (["subject"], ANN, "192.0.2.8", True),
        (["subject"], Principal("bob", "acme"), "192.0.2.7", False),
        (["subject"], Principal("ann", "globex"), "192.0.2.7", False),
        (["tenant", "subject"], ANN, "192.0.2.8", True),
        (["tenant", "subject"], Principal("bob", "acme"), "192.0.2.7", False),
        (["role"], Principal("bob", "globex", ("viewer",)), "192.0.2.8", True),
        (["role"], Principal("ann", "acme", ("operator",)), "192.0.2.7", False),
        (["role"], Principal("ann", "acme"), "192.0.2.7", False),
        (["tenant", "ip"], ANN, "192.0.2.7", True),
        (["tenant", "ip"], ANN, "192.0.2.8", False),
    ],
)
async def test_every_combination_has_its_own_bucket(
    per: list[str], other: Principal, client: str, shared: bool
) -> None:
    assert await shares(per, exchange(principal=ANN), exchange(principal=other, client=client)) is shared


async def test_one_sites_addresses_share_a_bucket() -> None:
    assert await shares(["ip"], exchange(client="2001:db8::1"), exchange(client="2001:db8::2:1"))
    assert not await shares(["ip"], exchange(client="2001:db8::1"), exchange(client="2001:db8:0:1::1"))


async def test_steps_under_their_own_prefix_share_no_bucket() -> None:
    borrowed = services()
    assert await passes(hook(["ip"], borrowed.scoped("door"), burst=1), exchange())
    assert await passes(hook(["ip"], borrowed.scoped("inner"), burst=1), exchange())
    assert not await passes(hook(["ip"], borrowed.scoped("door"), burst=1), exchange())


async def test_the_burst_is_the_limits_own_count_by_default() -> None:
    limit = hook(["ip"], limit="3/h", burst=None)
    assert [await passes(limit, exchange()) for _ in range(4)] == [True, True, True, False]


def test_only_addresses_are_limited_before_anybody_is_known() -> None:
    def reads(*per: str) -> object:
        return RateLimit.model_validate({"per": per, "limit": "1/s"}).compile(services()).reads

    assert reads("ip") == frozenset()
    assert reads("tenant") == reads("ip", "role") == reads("subject") == {PRINCIPAL}


@pytest.mark.parametrize(
    "options",
    [
        {"per": []},
        {"per": ["ip", "ip"]},
        {"per": ["user"]},
        {"per": "ip"},
        {"limit": "often"},
        {"limit": 60},
        {"burst": 0},
        {"busrt": 1},
    ],
)
def test_declarations_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RateLimit.model_validate({"per": ["ip"], "limit": "60/min", **options})
