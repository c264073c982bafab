"""What is looked up when somebody asks for metrics, and costs nothing in between: pools, places, ages, hashes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Protocol

from kapagate.ledger.ledger import Ledger
from kapagate.telemetry.prometheus import PrometheusMeter


class Pool(Protocol):
    """Connections to one upstream: all of them, those that wait for a request, and the requests that wait for one."""

    @property
    def size(self) -> int: ...
    @property
    def idle(self) -> int: ...
    @property
    def queue(self) -> Sized: ...


class KeySet(Protocol):
    """An identity provider's keys: its host, and seconds since they were fetched; None where there are none."""

    @property
    def host(self) -> str: ...
    @property
    def age(self) -> float | None: ...


def watch_upstreams(meter: PrometheusMeter, pools: Callable[[], Iterable[tuple[str, Pool]]]) -> None:
    """`pools` gives each with its upstream's name; several of one name are one."""

    def connections() -> Mapping[tuple[str, ...], float]:
        found: Counter[tuple[str, ...]] = Counter()
        for name, pool in pools():
            idle = pool.idle
            found[name, "idle"] += idle
            found[name, "busy"] += max(0, pool.size - idle)
        return found

    def queued() -> Mapping[tuple[str, ...], float]:
        found: Counter[tuple[str, ...]] = Counter()
        for name, pool in pools():
            found[(name,)] += len(pool.queue)
        return found

    meter.watch_all(
        "kapagate_upstream_connections", "Connections to upstreams, by state.", ["upstream", "state"], connections
    )
    meter.watch_all(
        "kapagate_upstream_queued", "Requests that wait for a connection to an upstream.", ["upstream"], queued
    )


def watch_audit(meter: PrometheusMeter, ledger: Ledger) -> None:
    meter.watch("kapagate_audit_queue", "Places taken for records that are not durable yet.", lambda: ledger.held)


def watch_key_sets(meter: PrometheusMeter, key_sets: Iterable[KeySet]) -> None:
    def ages() -> Mapping[tuple[str, ...], float]:
        """Of several sets at one host that of the oldest."""
        found: dict[tuple[str, ...], float] = {}
        for each in key_sets:
            age = math.inf if each.age is None else each.age
            found[(each.host,)] = max(age, found.get((each.host,), 0.0))
        return found

    meter.watch_all(
        "kapagate_key_set_age_seconds",
        "Since an identity provider's key set was fetched; +Inf where there is none.",
        ["host"],
        ages,
    )


def watch_policy(meter: PrometheusMeter, policy: Callable[[], str]) -> None:
    """`policy` gives the hash of the policy that is live."""
    meter.watch_all("kapagate_config_info", "The policy that is live, by its hash.", ["hash"], lambda: {(policy(),): 1})
