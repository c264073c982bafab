from __future__ import annotations

import re

from kapagate.access.endpoints import ENDPOINTS, Endpoint


def test_every_endpoint_asks_for_an_admin_permission() -> None:
    assert all(re.fullmatch(r"admin\.[a-z]+\.[a-z]+", endpoint.permission) for endpoint in ENDPOINTS.values())


def test_no_two_endpoints_share_an_address() -> None:
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS.values()}) == len(ENDPOINTS)


def test_records_configuration_and_health_are_where_the_tools_look() -> None:
    assert ENDPOINTS["audit"] == Endpoint("GET", "/api/admin/audit", "admin.audit.read")
    assert ENDPOINTS["config"].path == "/api/admin/config"
    assert ENDPOINTS["system_health"].path == "/api/system/health"
