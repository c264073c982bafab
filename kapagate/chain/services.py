"""What a filter may borrow while it is compiled: ports by type. `run.py` opens what stands behind them and closes
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

P = TypeVar("P")
SHADOW = "shadow."
"""What the prefixes of shadows begin with. A store keeps what they remember apart: it displaces nobody else's."""


class Services:
    """Ports by their type. Stateful ports that have `scoped(prefix)` are handed out under the step's own prefix."""

    __slots__ = ("_ports", "_prefix")

    def __init__(self, ports: Mapping[type, Any], prefix: str = "") -> None:
        self._ports = dict(ports)
        self._prefix = prefix

    def __getitem__(self, port: type[P]) -> P:
        """The service behind a port. Raises LookupError with the port's name when the process does not offer it."""
        try:
            service = self._ports[port]
        except KeyError:
            raise LookupError(f"no {port.__name__} here") from None
        if self._prefix and hasattr(service, "scoped"):
            service = service.scoped(self._prefix)
        found: P = service
        return found

    def scoped(self, prefix: str) -> Services:
        return Services(self._ports, prefix)

    def with_ports(self, ports: Mapping[type, Any]) -> Services:
        return Services({**self._ports, **ports}, self._prefix)
