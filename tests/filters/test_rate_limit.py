from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.principal import PRINCIPAL, Principal
from kapagate.chain.problem import Problem
from kapagate.chain.route import Route, Routes
from kapagate.chain.services import Services
from kapagate.chain.step import OnRequest
from kapagate.filters.rate_limit import RateLimit
from tests.filters import gateway as composed
from tests.filters.exchanges import CHAT, FakeClock, exchange, services

STREAM = Route("kapa.chat_stream", frozenset({"POST"}), "/stream/", "kapa.chat", "chat_stream")
FEEDBACK = Route("kapa.feedback", frozenset({"POST"}), "/feedback/", "kapa.feedback", "feedback")
ANN = Principal("ann", "acme", ("viewer", "operator"))


def hook(per: list[str], borrowed: Services | None = None, **options: Any) -> OnRequest:
    declared = RateLimit.model_validate({"per": per, "limit": "60/min", "burst": 2, **options})
    routes = {Routes: Routes((CHAT, STREAM, FEEDBACK))}
    found = declared.compile((borrowed or services()).with_ports(routes)).on_request
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
        (["tenant", "subject", "role"], Principal("ann", "acme", ("operator",)), "192.0.2.7", False),
        (["ip", "subject", "role"], ANN, "192.0.2.7", True),
        (["ip", "subject", "role"], Principal("bob", "acme", ANN.roles), "192.0.2.7", False),
    ],
)
async def test_every_combination_has_its_own_bucket(
    per: list[str], other: Principal, client: str, shared: bool
) -> None:
    assert await shares(per, exchange(principal=ANN), exchange(principal=other, client=client)) is shared


async def test_one_sites_addresses_share_a_bucket() -> None:
    assert await shares(["ip"], exchange(client="2001:db8::1"), exchange(client="2001:db8::2:1"))
    assert not await shares(["ip"], exchange(client="2001:db8::1"), exchange(client="2001:db8:0:1::1"))


@pytest.mark.parametrize("beside", [[], ["tenant"], ["ip"], ["tenant", "subject", "role", "ip"]])
async def test_routes_and_operations_are_counted_apart(beside: list[str]) -> None:
    def asks(route: Route) -> Exchange:
        return exchange(principal=ANN, route=route)

    assert not await shares(["route", *beside], asks(CHAT), asks(STREAM))
    assert await shares(["route", *beside], asks(STREAM), asks(STREAM))
    assert await shares(["operation", *beside], asks(CHAT), asks(STREAM))
    assert not await shares(["operation", *beside], asks(CHAT), asks(FEEDBACK))


async def test_one_step_counts_all_that_it_names_together() -> None:
    per = ["tenant", "subject", "role", "ip", "route", "operation"]
    assert await shares(per, exchange(principal=ANN), exchange(principal=ANN))
    assert not await shares(per, exchange(principal=ANN), exchange(principal=ANN, route=STREAM))
    assert not await shares(per, exchange(principal=ANN), exchange(principal=ANN, client="192.0.2.8"))


async def test_an_operation_counts_as_much_as_the_policy_says() -> None:
    limit = hook(["ip"], burst=10, cost={"kapa.chat": 5, "kapa.chat_stream": 4, "default": 2})
    left = []
    for route in (CHAT, FEEDBACK, FEEDBACK):
        made = exchange(route=route, step="door")
        assert await passes(limit, made)
        left.append(made.headers_out[1][1])
    assert left == [b'"door";r=5;t=5', b'"door";r=3;t=7', b'"door";r=1;t=9']
    assert not await passes(limit, exchange(route=STREAM))
    assert not await passes(limit, exchange(route=FEEDBACK))


async def test_what_has_no_cost_of_its_own_counts_as_one() -> None:
    limit = hook(["ip"], burst=6, cost={"kapa.chat": 5})
    assert await passes(limit, exchange())
    assert await passes(limit, exchange(route=FEEDBACK))
    assert not await passes(limit, exchange(route=FEEDBACK))


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ({"kapa.chatt": 2}, "there is no route or operation 'kapa.chatt'"),
        ({"kapa.chat": 3}, "a request that counts as 3 never fits into a bucket of 2"),
        ({"default": 3}, "a request that counts as 3 never fits into a bucket of 2"),
    ],
)
def test_costs_that_cannot_be_are_refused_at_their_place(cost: dict[str, int], message: str) -> None:
    with pytest.raises(Invalid, match=message) as caught:
        hook(["ip"], cost=cost)
    assert caught.value.at == ("cost", next(iter(cost)))


async def test_several_windows_are_taken_from_together() -> None:
    clock = FakeClock()
    limit = hook(["tenant"], services(clock), limit=["60/min", "3/day"])

    def asks() -> Exchange:
        return exchange(principal=ANN, step="inner")

    assert [await passes(limit, asks()) for _ in range(3)] == [True, True, False]
    clock.pass_by(2)
    assert await passes(limit, asks())
    refused = asks()
    with pytest.raises(Problem) as caught:
        await limit(refused)
    assert caught.value.detail == "more than 3/day; wait 28798 s"
    assert refused.headers_out == [
        (b"RateLimit-Policy", b'"inner-min";q=60;w=60'),
        (b"RateLimit", b'"inner-min";r=1;t=1'),
        (b"RateLimit-Policy", b'"inner-day";q=3;w=86400'),
        (b"RateLimit", b'"inner-day";r=0;t=86398'),
    ]


async def test_keys_are_made_once_per_caller() -> None:
    bob = Principal("bob", "acme")
    limit = hook(["tenant", "subject", "operation"], burst=9)
    for _ in range(2):
        assert await passes(limit, exchange(principal=bob))
        assert await passes(limit, exchange(principal=bob, route=FEEDBACK))
    assert sorted(bob.kept.values()) == [("acme", "bob", "kapa.chat"), ("acme", "bob", "kapa.feedback")]


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
    assert reads("route") == reads("ip", "operation") == frozenset()
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
        {"cost": {"default": 0}},
        {"limit": ["60/min", "30/min"]},
        {"limit": []},
    ],
)
def test_declarations_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RateLimit.model_validate({"per": ["ip"], "limit": "60/min", **options})


LIMITS = """\
  - rate_limit: {per: [tenant, subject], limit: [12/min, 1000/day], burst: 9, cost: {kapa.chat: 4, kapa.retrieval: 2}}
    id: inner
"""


async def test_in_a_policy_operations_count_for_what_they_cost() -> None:
    gateway = composed.Gateway(LIMITS)
    statuses = [(await gateway.ask(operation)).status for operation in ("chat", "chat", "chat", "crm", "crm")]
    assert statuses == [200, 200, 429, 200, 429]
    told = await gateway.ask("chat", who="bob")
    assert told.status == 200
    assert told.sink.head is not None
    fields = [(name, value) for name, value in told.sink.head.headers if b"inner" in value]
    assert fields == [
        (b"RateLimit-Policy", b'"inner-min";q=12;w=60'),
        (b"RateLimit", b'"inner-min";r=5;t=20'),
        (b"RateLimit-Policy", b'"inner-day";q=1000;w=86400'),
        (b"RateLimit", b'"inner-day";r=996;t=346'),
    ]


def test_in_a_policy_a_cost_for_what_does_not_exist_is_found_with_what_was_meant() -> None:
    [problem] = composed.load(LIMITS.replace("kapa.retrieval", "kapa.retreival")).diagnostics
    assert (problem.code.name, problem.suggestion) == ("KG307", "kapa.retrieval")
    assert problem.message == 'there is no route or operation "kapa.retreival"'


def test_in_a_policy_a_cost_above_the_burst_is_found() -> None:
    [problem] = composed.load(LIMITS.replace("kapa.chat: 4", "kapa.chat: 10")).diagnostics
    assert (problem.code.name, problem.message) == (
        "KG315",
        "a request that counts as 10 never fits into a bucket of 9",
    )
