from __future__ import annotations

import orjson
from msgspec.structs import replace
from pydantic import BaseModel

from kapagate.chain.compose import Placed, Steps
from kapagate.chain.generation import Generation
from kapagate.chain.options import Options, When
from kapagate.chain.principal import Tenant
from kapagate.chain.secret import Resolved, Secret
from kapagate.chain.step import Step
from kapagate.filters.audit import Audit
from kapagate.web.config import ConfigView, StepView, view_of
from tests.exchanges import CHAT

VALUE = "-".join(["very", "secret"])


class Keyed(BaseModel):
    """A declaration with a secret."""

    key: Secret
    limit: int = 3


OWN = Keyed.model_validate({"key": Resolved(VALUE, "${env:KEY}")})
STEP = StepView("rate_limit", OWN, Options(id="door", mode="shadow", when=When(route=("crm",))))
VIEW = ConfigView(
    policy="sha256:0123",
    files=["policies/gateway.yaml"],
    loaded_at=0.0,
    gate=[STEP],
    chain=[replace(STEP, options=Options())],
    routes=[CHAT],
    upstreams={"kapa": OWN},
    tenants={"acme": [replace(STEP, options=Options())], "globex": [STEP]},
)


def test_says_what_is_in_force_and_where_it_came_from() -> None:
    document = VIEW.document()
    assert (document["policy"], document["files"]) == ("sha256:0123", ["policies/gateway.yaml"])
    assert document["loaded_at"] == "1970-01-01T00:00:00.000Z"
    assert document["routes"] == [
        {
            "name": "kapa.chat",
            "methods": ["POST"],
            "path": "/query/v1/projects/{project}/chat/",
            "permission": "kapa.chat",
            "upstream": None,
        }
    ]


def test_steps_are_told_with_all_their_options() -> None:
    document = VIEW.document()
    assert document["gate"] == [
        {
            "id": "door",
            "filter": "rate_limit",
            "mode": "shadow",
            "when": {"route": ["crm"]},
            "options": {"key": "${env:KEY}", "limit": 3},
        }
    ]
    assert document["chain"][0]["id"] == "rate_limit"


def test_a_tenants_chain_is_told_only_where_it_is_its_own() -> None:
    acme, globex = VIEW.document()["tenants"]
    assert acme == {"name": "acme"}
    assert globex["chain"][0]["id"] == "door"


def test_secrets_appear_as_their_references_alone() -> None:
    written = orjson.dumps(VIEW.document()).decode()
    assert VALUE not in written
    assert written.count("${env:KEY}") == 4


def test_a_generation_is_told_as_it_was_declared() -> None:
    audit = Audit(on_full="serve")
    placed = Placed("record", "audit", Step(), Options(id="record"), audit)
    generation = Generation(
        routes=[CHAT],
        steps=Steps((), (placed,)),
        tenants={"acme": Tenant("acme"), "globex": Tenant("globex", steps=Steps((), ()))},
        policy="sha256:0123",
    )
    document = view_of(generation, ["a.yaml"], 0.0).document()
    assert document["chain"] == [{"id": "record", "filter": "audit", "options": audit.model_dump(mode="json")}]
    assert document["tenants"] == [{"name": "acme"}, {"name": "globex", "chain": []}]
    assert [route["name"] for route in document["routes"]] == ["kapa.chat"]


def test_a_route_with_a_gate_of_its_own_tells_its_steps() -> None:
    own = (Placed("door", "rate_limit", Step(), Options()), Placed("hooks.cors", "cors", Step(), Options()))
    document = replace(VIEW, routes=[replace(CHAT, name="hooks", public=True, gate=own)]).document()
    assert (document["routes"][0]["public"], document["routes"][0]["gate"]) == (True, ["door", "hooks.cors"])
