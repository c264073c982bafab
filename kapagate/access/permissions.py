"""The names of permissions, and the grants that stand for them.

A permission is `kapa.<operation>`, `route.<name>` or `admin.<thing>.<verb>`. A grant is a permission, `*`, or a
permission's beginning up to a dot with `.*` after it (`kapa.*`, `admin.config.*`).
"""

from __future__ import annotations

from collections.abc import Iterable

from kapagate.access.endpoints import ENDPOINTS

KAPA = (
    *("kapa.chat", "kapa.retrieval", "kapa.documents", "kapa.feedback"),
    *("kapa.threads", "kapa.threads.all", "kapa.thread", "kapa.end_users", "kapa.integrations", "kapa.activity"),
    *("kapa.top_question_periods", "kapa.top_question_clusters"),
    *("kapa.coverage_gap_periods", "kapa.coverage_gap_clusters"),
    *("kapa.project", "kapa.sources", "kapa.source", "kapa.source_groups", "kapa.agent_session"),
    *("kapa.custom_chat", "kapa.search", "kapa.internal_data"),
    *("kapa.widget", "kapa.widget_handoff", "kapa.widget_files", "kapa.mcp", "kapa.mcp_platform"),
)
ADMIN = tuple(dict.fromkeys(endpoint.permission for endpoint in ENDPOINTS.values()))


def known_permissions(routes: Iterable[str]) -> frozenset[str]:
    """Every permission of a policy whose own routes have these names."""
    return frozenset({*KAPA, *ADMIN, *(f"route.{name}" for name in routes)})


def grants_for(permission: str) -> frozenset[str]:
    """Every grant that gives a permission: `admin.config.read` is given by itself, `admin.config.*`, `admin.*`, `*`."""
    parts = permission.split(".")
    return frozenset({"*", permission, *(".".join(parts[:end]) + ".*" for end in range(1, len(parts)))})


def known_grants(routes: Iterable[str]) -> frozenset[str]:
    """Every grant that can mean something: the known permissions, their wildcards, and the families' own."""
    families = {"*", "kapa.*", "route.*", "admin.*"}
    return frozenset(families.union(*(grants_for(permission) for permission in known_permissions(routes))))
