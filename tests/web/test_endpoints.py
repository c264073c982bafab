from __future__ import annotations

import orjson
import pytest

from kapagate.access.endpoints import ENDPOINTS, Endpoint
from kapagate.stores.ring import MemoryLedger
from kapagate.web.config import ConfigView
from kapagate.web.endpoints import implemented, serves
from kapagate.web.health import Asked, Health
from tests.exchanges import CRM, exchange
from tests.web.doors import StoppedClock


async def well() -> Health:
    return Health("healthy")


def view(policy: str) -> ConfigView:
    return ConfigView(policy, [], 0.0, [], [], [])


async def test_every_endpoint_with_a_permission_is_implemented() -> None:
    documents = implemented(lambda: view("one"), [], StoppedClock(), MemoryLedger)
    assert documents.keys() == ENDPOINTS.keys()


def test_an_endpoint_without_implementation_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENDPOINTS, "other", Endpoint("GET", "/api/other", "admin.other.read"))
    with pytest.raises(LookupError, match="other"):
        implemented(lambda: view("one"), [], StoppedClock(), MemoryLedger)


async def test_the_configuration_is_the_one_that_is_live_when_asked() -> None:
    live = [view("one")]
    documents = implemented(lambda: live[0], [], StoppedClock(), MemoryLedger)
    live[0] = view("two")
    assert (await documents["config"](""))["policy"] == "two"


async def test_system_health_can_be_served_on_the_data_port() -> None:
    documents = implemented(lambda: view("one"), [Asked("kapa", well)], StoppedClock(), MemoryLedger)
    response = await serves(documents)["system_health"](exchange(CRM))
    assert response.body is not None
    document = orjson.loads(b"".join([piece async for piece in response.body]))
    assert (response.status, response.local) == (200, True)
    assert document == {
        "status": "healthy",
        "checked_at": "1970-01-01T00:00:00.000Z",
        "dependencies": [{"name": "kapa", "status": "healthy", "response_time_ms": 0.0, "message": "", "details": {}}],
    }
