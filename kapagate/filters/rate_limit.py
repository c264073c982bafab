"""Limits how often a caller may ask."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field, field_validator

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.fact import Fact
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.order import Ceilings, Label
from kapagate.chain.principal import PRINCIPAL, Principal
from kapagate.chain.problem import Problem
from kapagate.chain.route import Route, Routes
from kapagate.chain.services import Services
from kapagate.chain.step import OnRequest, Step
from kapagate.chain.verdict import Decision
from kapagate.traffic.buckets import Buckets, Key
from kapagate.traffic.fields import Told
from kapagate.traffic.gcra import Limit
from kapagate.traffic.network import network
from kapagate.traffic.rate import Rate, Rates

Dimension = Literal["ip", "tenant", "subject", "role", "route", "operation"]
Cost = Annotated[int, Field(ge=1, le=1_000_000)]
K = TypeVar("K", Key, tuple[Key, ...])
DEFAULT = "default"
_ADDRESSES_KEPT = 8192


class RateLimit(Filter):
    """Refuses requests above a rate, with the time to wait in `Retry-After`.

    Every distinct combination of `per` has a bucket of its own that holds `burst` requests and refills at `limit`.
    Answers and refusals say in `RateLimit` what is left.
    """

    per: tuple[Dimension, ...] = Field(
        min_length=1,
        description="What is counted together: `ip` (an IPv4 address, an IPv6 /64), `tenant`, `subject` (always within "
        "its tenant), `role` (the caller's first role in the policy's order), `route` (its name), `operation` (the "
        "permission that it asks for: all ways to chat are one).",
    )
    limit: Annotated[Rates, Ceilings("ceilings")] = Field(
        description="The rate: `5/s`, `60/min`, `100/h`, `1000/day`, `20000/month` (30 days). With several a request "
        "takes from each of them, or from none."
    )
    burst: Annotated[int | None, Ceilings("ceilings")] = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Requests that may come at once; default: as many as in `limit`. With several limits it is that of "
        "the shortest window.",
    )
    cost: dict[str, Cost] = Field(
        {},
        description="Requests that one counts as, by route or permission (`kapa.chat: 5`); `default` for all others, "
        "1 when left out.",
    )

    @field_validator("per")
    @classmethod
    def _each_once(cls, per: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        if len(set(per)) != len(per):
            raise ValueError("each of them once")
        return per

    presence: ClassVar[Label] = "tighter"

    @property
    def decisions(self) -> frozenset[Decision]:
        return frozenset({"passed", "refused"})

    def compile(self, services: Services) -> Step:
        limits, buckets = self.limits(), services[Buckets]
        costs = Costs(self.cost)
        self._check_costs(min(limits, key=lambda limit: limit.burst), services)
        if len(limits) == 1:
            on_request = _limited(buckets, limits[0], _key_of(self.per, buckets.key), costs)
        else:
            on_request = _limited_often(buckets, limits, _key_of(self.per, _keys_for(buckets, limits)), costs)
        reads: frozenset[Fact[Principal]] = frozenset({PRINCIPAL} if _OF_CALLERS.intersection(self.per) else ())
        return Step(reads=reads, on_request=on_request)

    def limits(self) -> tuple[Limit, ...]:
        """One for each of `limit`."""
        shortest = min(self.limit, key=lambda rate: rate.period)
        return tuple(Limit(rate, self.burst if self.burst and rate is shortest else rate.count) for rate in self.limit)

    def ceilings(self) -> tuple[tuple[float, float], ...]:
        """Each limit as requests a second and as many as may come at once."""
        return tuple((limit.rate.count / limit.rate.period, limit.burst) for limit in self.limits())

    def _check_costs(self, smallest: Limit, services: Services) -> None:
        for name, cost in self.cost.items():
            if name != DEFAULT and not services[Routes].has(name):
                raise Invalid(f"there is no route or operation '{name}'", ("cost", name))
            if cost > smallest.burst:
                raise Invalid(
                    f"a request that counts as {cost} never fits into a bucket of {smallest.burst}", ("cost", name)
                )


class Costs(dict[Route, int]):
    """What a request counts as, by route; worked out at first use. The route's own name wins over its permission."""

    def __init__(self, declared: Mapping[str, int]) -> None:
        super().__init__()
        self._declared = declared

    def __missing__(self, route: Route) -> int:
        declared = self._declared
        cost = declared.get(route.name) or declared.get(route.permission) or declared.get(DEFAULT, 1)
        self[route] = cost
        return cost


_OF_CALLERS: frozenset[Dimension] = frozenset({"tenant", "subject", "role"})
_PARTS: dict[Dimension, Callable[[Exchange], str]] = {
    "ip": lambda exchange: network(exchange.request.client),
    "tenant": lambda exchange: exchange[PRINCIPAL].tenant,
    "subject": lambda exchange: exchange[PRINCIPAL].subject,
    "role": lambda exchange: next(iter(exchange[PRINCIPAL].roles), ""),
    "route": lambda exchange: exchange.route.name,
    "operation": lambda exchange: exchange.route.permission,
}


def _key_of(per: Sequence[Dimension], named: Callable[..., K]) -> Callable[[Exchange], K]:
    """What makes the key of an exchange. Subjects are names within a tenant, so theirs goes with them.

    A key is made once where that is possible: per address, or per principal and route.
    """
    wanted = {*per, "tenant"} if "subject" in per else {*per}
    parts = [part for name, part in _PARTS.items() if name in wanted]
    routed = not wanted.isdisjoint({"route", "operation"})

    def made(exchange: Exchange) -> K:
        return named(*[part(exchange) for part in parts])

    def kept(exchange: Exchange) -> K:
        known = exchange.facts[PRINCIPAL].kept
        about = (made, exchange.route) if routed else made
        key: K | None = known.get(about)
        if key is None:
            key = known[about] = made(exchange)
        return key

    if wanted == {"ip"}:
        of_client = lru_cache(_ADDRESSES_KEPT)(lambda client: named(network(client)))
        return lambda exchange: of_client(exchange.request.client)
    return made if "ip" in wanted or not wanted & _OF_CALLERS else kept


def _keys_for(buckets: Buckets, limits: Sequence[Limit]) -> Callable[..., tuple[Key, ...]]:
    units = [limit.rate.unit for limit in limits]
    return lambda *parts: tuple(buckets.key(*parts, unit) for unit in units)


def _limited(buckets: Buckets, limit: Limit, key_of: Callable[[Exchange], Key], costs: Costs) -> OnRequest:
    take = buckets.take
    tellers: dict[str, Told] = {}

    async def limited(exchange: Exchange) -> None:
        quota = await take(key_of(exchange), limit, costs[exchange.route])
        told = tellers.get(exchange.step)
        if told is None:  # a step learns its id at work
            told = tellers[exchange.step] = Told(exchange.step, limit.rate)
        exchange.headers_out += (told.policy, told.state(quota))
        if quota[2]:
            raise _refusal(limit.rate, quota[2])

    return limited


def _limited_often(
    buckets: Buckets, limits: Sequence[Limit], keys_of: Callable[[Exchange], tuple[Key, ...]], costs: Costs
) -> OnRequest:
    tellers: dict[str, list[Told]] = {}

    async def limited(exchange: Exchange) -> None:
        quotas = await buckets.take_all(keys_of(exchange), limits, costs[exchange.route])
        step = exchange.step
        if step not in tellers:
            tellers[step] = [Told(f"{step}-{limit.rate.unit}", limit.rate) for limit in limits]
        for told, quota in zip(tellers[step], quotas, strict=True):
            exchange.headers_out += (told.policy, told.state(quota))
        longest, limit = max(zip((quota[2] for quota in quotas), limits, strict=True), key=lambda pair: pair[0])
        if longest:
            raise _refusal(limit.rate, longest)

    return limited


def _refusal(rate: Rate, wait: float) -> Problem:
    detail = f"more than {rate}; wait {max(1, math.ceil(wait))} s"
    return Problem(problems.RATE_LIMITED, detail, retry_after=wait)
