"""What is looked up when somebody asks for metrics, and costs nothing in between: pools, places, the policy's hash."""

from __future__ import annotations

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


def watch_policy(meter: PrometheusMeter, policy: Callable[[], str]) -> None:
    """`policy` gives the hash of the policy that is live."""
    meter.watch_all("kapagate_config_info", "The policy that is live, by its hash.", ["hash"], lambda: {(policy(),): 1})
