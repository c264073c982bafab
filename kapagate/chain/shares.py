"""Exchanges at work per tenant: none may take the places of all others."""

from __future__ import annotations

from kapagate.chain import problems
from kapagate.chain.problem import Problem


class Shares:
    """At most `most` exchanges of each tenant run at a time, whatever generation they began in."""

    __slots__ = ("_most", "_running")

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: dict[str, int] = {}

    def take(self, tenant: str) -> str:
        """What is to be given back. Raises Problem `unavailable` when the tenant has too many at work."""
        running = self._running.get(tenant, 0)
        if running >= self._most:
            raise Problem(problems.UNAVAILABLE, "too many requests of this tenant are at work", retry_after=1)
        self._running[tenant] = running + 1
        return tenant

    def give_back(self, tenant: str) -> None:
        running = self._running[tenant] - 1
        if running:
            self._running[tenant] = running
        else:
            del self._running[tenant]

    def __len__(self) -> int:
        """How many tenants have exchanges at work."""
        return len(self._running)
