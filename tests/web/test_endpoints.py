from __future__ import annotations

import orjson
import pytest

from kapagate.access.endpoints import ENDPOINTS, Endpoint
from kapagate.chain.generation import Generation
from kapagate.chain.problem import Problem
from kapagate.ledger.shadows import Shadows
from kapagate.stores.ring import MemoryLedger
from kapagate.web.config import Attempt, ConfigView
from kapagate.web.endpoints import implemented, serves
from kapagate.web.health import Asked, Health
from tests.exchanges import CRM, exchange
from tests.web.doors import StoppedClock


async def well() -> Health:
    return Health("healthy")


def view(policy: str) -> ConfigView:
    return ConfigView(policy, [], 0.0, [], [], [])


async def reloaded(by: str) -> Attempt:
    return Attempt(0.0, True, by, "two", needs_restart=("state",))


async def failed(by: str) -> Attempt:
    return Attempt(0.0, False, by, "one", "a.yaml:1:1 error KG101", "1 error")


def nothing_live() -> Generation:
    raise LookupError


async def test_a_reload_tells_what_is_live_now_and_what_is_not() -> None:
    documents = implemented(lambda: view("one"), [], StoppedClock(), MemoryLedger, reloaded, nothing_live, Shadows(0.0))
    document = await documents["reload"]("")
    assert (document["policy"], document["success"], document["by"]) == ("two", True, "admin")
    assert document["needs_restart"] == ["state"]


async def test_a_reload_of_a_wrong_policy_is_refused_with_its_errors() -> None:
    documents = implemented(lambda: view("one"), [], StoppedClock(), MemoryLedger, failed, nothing_live, Shadows(0.0))
    with pytest.raises(Problem, match="1 error") as refused:
        await documents["reload"]("")
    assert refused.value.kind.status == 422
    assert refused.value.members["errors"] == "a.yaml:1:1 error KG101"


async def test_what_shadows_would_have_done_is_told() -> None:
    documents = implemented(lambda: view("one"), [], StoppedClock(), MemoryLedger, reloaded, nothing_live, Shadows(0.0))
    document = await documents["shadow"]("")
    assert (document["since"], document["shadows"]) == ("1970-01-01T00:00:00.000Z", [])


async def test_every_endpoint_with_a_permission_is_implemented() -> None:
    documents = implemented(lambda: view("one"), [], StoppedClock(), MemoryLedger, reloaded, nothing_live, Shadows(0.0))
    assert documents.keys() == ENDPOINTS.keys()


def test_an_endpoint_without_implementation_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENDPOINTS, "other", Endpoint("GET", "/api/other", "admin.other.read"))
    with pytest.raises(LookupError, match="other"):
        implemented(lambda: view("one"), [], StoppedClock(), MemoryLedger, reloaded, nothing_live, Shadows(0.0))


async def test_the_configuration_is_the_one_that_is_live_when_asked() -> None:
    live = [view("one")]
    documents = implemented(lambda: live[0], [], StoppedClock(), MemoryLedger, reloaded, nothing_live, Shadows(0.0))
    live[0] = view("two")
    assert (await documents["config"](""))["policy"] == "two"


async def test_system_health_can_be_served_on_the_data_port() -> None:
    documents = implemented(
        lambda: view("one"), [Asked("kapa", well)], StoppedClock(), MemoryLedger, reloaded, nothing_live, Shadows(0.0)
    )
    response = await serves(documents)["system_health"](exchange(CRM))
    assert response.body is not None
    document = orjson.loads(b"".join([piece async for piece in response.body]))
    assert (response.status, response.local) == (200, True)
    assert document == {
        "status": "healthy",
        "checked_at": "1970-01-01T00:00:00.000Z",
        "dependencies": [{"name": "kapa", "status": "healthy", "response_time_ms": 0.0, "message": "", "details": {}}],
    }
