"""The endpoints that the gateway answers by itself, and what each asks of a caller. One literal table."""

from __future__ import annotations

from msgspec import Struct


class Endpoint(Struct, frozen=True):
    """One endpoint: its address on the admin port, and the permission that it needs there and on a `serve:` route.

    `harmless`: a route may serve it to strangers. `reads`: it is asked by a body, not by its query.
    """

    method: str
    path: str
    permission: str
    harmless: bool = False
    reads: bool = False


ENDPOINTS = {
    "audit": Endpoint("GET", "/api/admin/audit", "admin.audit.read"),
    "config": Endpoint("GET", "/api/admin/config", "admin.config.read"),
    "guard_try": Endpoint("POST", "/api/admin/guard/try", "admin.guard.try", reads=True),
    "reload": Endpoint("POST", "/api/admin/reload", "admin.config.reload"),
    "shadow": Endpoint("GET", "/api/admin/shadow", "admin.shadow.read"),
    "system_health": Endpoint("GET", "/api/system/health", "admin.health.read", harmless=True),
}
