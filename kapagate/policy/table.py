"""Every built-in filter, scheme and upstream type, by its name in the policy. Only what a policy uses is imported."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct, field

from kapagate.chain.filter import Filter
from kapagate.chain.scheme import Scheme
from kapagate.chain.upstream import UpstreamType

D = TypeVar("D")

FILTERS: Mapping[str, str | type[Filter]] = {
    "cors": "kapagate.filters.cors:Cors",
    "ip_allow": "kapagate.filters.ip_allow:IpAllow",
    "identify": "kapagate.filters.identify:Identify",
    "rbac": "kapagate.filters.rbac:Rbac",
    "rate_limit": "kapagate.filters.rate_limit:RateLimit",
    "enrich": "kapagate.filters.enrich:Enrich",
    "guard_question": "kapagate.filters.guard_question:GuardQuestion",
    "guard_answer": "kapagate.filters.guard_answer:GuardAnswer",
    "audit": "kapagate.filters.audit:Audit",
    "metrics": "kapagate.filters.metrics:Metrics",
}
SCHEMES: Mapping[str, str | type[Scheme]] = {
    "api_key": "kapagate.schemes.api_key:ApiKey",
    "jwt": "kapagate.schemes.jwt:Jwt",
    "webhook_signature": "kapagate.schemes.webhook_signature:WebhookSignature",
}
UPSTREAM_TYPES: Mapping[str, str | type[UpstreamType]] = {
    "kapa": "kapagate.upstreams.kapa:Kapa",
    "kapa_widget": "kapagate.upstreams.kapa_widget:KapaWidget",
    "kapa_mcp": "kapagate.upstreams.kapa_mcp:KapaMcp",
    "http": "kapagate.upstreams.http:Http",
}


class Table(Struct, frozen=True):
    """Declarations by name: a class, or the text `module:Class` of one that is imported when it is asked for."""

    filters: Mapping[str, str | type[Filter]] = field(default_factory=lambda: FILTERS)
    schemes: Mapping[str, str | type[Scheme]] = field(default_factory=lambda: SCHEMES)
    upstreams: Mapping[str, str | type[UpstreamType]] = field(default_factory=lambda: UPSTREAM_TYPES)

    def filter(self, name: str) -> type[Filter]:
        """Raises KeyError for a name that the table does not have, ImportError when its module cannot be imported."""
        return _imported(self.filters[name])

    def scheme(self, name: str) -> type[Scheme]:
        return _imported(self.schemes[name])

    def upstream(self, name: str) -> type[UpstreamType]:
        return _imported(self.upstreams[name])


def _imported(entry: str | type[D]) -> type[D]:
    if not isinstance(entry, str):
        return entry
    module, _, attribute = entry.partition(":")
    found: type[D] = getattr(importlib.import_module(module), attribute)
    return found
