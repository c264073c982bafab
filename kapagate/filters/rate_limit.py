"""Limits how often a caller may ask."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, field_validator

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.fact import Fact
from kapagate.chain.filter import Filter
from kapagate.chain.principal import PRINCIPAL, Principal
from kapagate.chain.problem import Problem
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.traffic.buckets import Buckets
from kapagate.traffic.fields import POLICY, STATE, policy_item, quoted, state_item
from kapagate.traffic.network import network
from kapagate.traffic.rate import Rate, RateText

Dimension = Literal["ip", "tenant", "subject", "role"]


class RateLimit(Filter):
    """Refuses requests above a rate, with the time to wait in `Retry-After`.

    Every distinct combination of `per` has a bucket of its own that holds `burst` requests and refills at `limit`.
    Answers and refusals say in `RateLimit` what is left.
    """

    per: tuple[Dimension, ...] = Field(
        min_length=1,
        description="What is counted together: `ip` (an IPv4 address, an IPv6 /64), `tenant`, `subject` (always within "
        "its tenant), `role` (the caller's first role in the policy's order).",
    )
    limit: RateText = Field(description="The rate: `5/s`, `60/min`, `100/h`, `1000/day`, `20000/month` (30 days).")
    burst: int | None = Field(
        None, ge=1, le=1_000_000, description="Requests that may come at once; default: as many as in `limit`."
    )

    @field_validator("per")
    @classmethod
    def _each_once(cls, per: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        if len(set(per)) != len(per):
            raise ValueError("each of them once")
        return per

    def compile(self, services: Services) -> Step:
        limiter = _Limiter(services[Buckets], self.limit, self.burst or self.limit.count, _key_of(self.per))
        reads: frozenset[Fact[Principal]] = frozenset({PRINCIPAL} if set(self.per) != {"ip"} else ())
        return Step(reads=reads, on_request=limiter.take)


_PARTS: dict[Dimension, Callable[[Exchange], str]] = {
    "ip": lambda exchange: network(exchange.request.client),
    "tenant": lambda exchange: exchange[PRINCIPAL].tenant,
    "subject": lambda exchange: exchange[PRINCIPAL].subject,
    "role": lambda exchange: next(iter(exchange[PRINCIPAL].roles), ""),
}


def _key_of(per: tuple[Dimension, ...]) -> Callable[[Exchange], tuple[str, ...]]:
    """Subjects are names within a tenant, so theirs goes with them. What is the principal's alone is made once."""
    named = {*per, "tenant"} if "subject" in per else {*per}
    parts = [part for name, part in _PARTS.items() if name in named]

    def made(exchange: Exchange) -> tuple[str, ...]:
        return tuple([part(exchange) for part in parts])

    def kept(exchange: Exchange) -> tuple[str, ...]:
        known = exchange.facts[PRINCIPAL].kept
        key: tuple[str, ...] | None = known.get(kept)
        if key is None:
            key = known[kept] = made(exchange)
        return key

    return made if "ip" in named else kept


@dataclass(frozen=True, slots=True)
class _Limiter:
    """The compiled filter."""

    buckets: Buckets
    rate: Rate
    burst: int
    key: Callable[[Exchange], tuple[str, ...]]
    told: dict[str, tuple[bytes, tuple[bytes, bytes]]] = field(default_factory=dict)

    async def take(self, exchange: Exchange) -> None:
        quota = await self.buckets.take(self.key(exchange), self.rate, self.burst)
        name, policy = self.told.get(exchange.step) or self._introduced(exchange.step)
        exchange.headers_out += (policy, (STATE, state_item(name, quota)))
        if not quota.allowed:
            detail = f"more than {self.rate}; wait {max(1, math.ceil(quota.retry_after))} s"
            raise Problem(problems.RATE_LIMITED, detail, retry_after=quota.retry_after)

    def _introduced(self, step: str) -> tuple[bytes, tuple[bytes, bytes]]:
        """The step's quoted name and its policy field, made when first told: a step learns its id at work."""
        name = quoted(step)
        self.told[step] = made = (name, (POLICY, policy_item(name, self.rate)))
        return made
