"""A small world for policies: toy filters and a scheme, upstreams without sockets, files in a temporary directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import pytest
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.hop import Endpoint, Hop, Hops
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal
from kapagate.chain.route import Surface
from kapagate.chain.scheme import Recogniser, Scheme
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.units import Duration, Size
from kapagate.kapa.ownership import Owners
from kapagate.policy.finding import Diagnostics
from kapagate.policy.load import Loaded, load_policy
from kapagate.policy.nodes import Mapping as MappingNode
from kapagate.policy.source import Source
from kapagate.policy.syntax import parse
from kapagate.policy.table import Table
from kapagate.remote.references import References
from kapagate.stores.memory_owners import MemoryOwners
from tests.chain.conftest import FakeClock


class Token(Scheme):
    """A scheme that knows one token."""

    secret: Secret = Field(description="the token")
    tenant: str | None = Field(None, description="whose it is")

    def compile(self, services: Services) -> Recogniser:
        if len(self.secret.reveal()) < 4:
            raise Invalid("the token is too short", ("secret",))

        async def recognise(exchange: Exchange) -> Principal | None:
            return None

        return Recogniser(recognise, frozenset({b"authorization"}), "Bearer")


class Badge(Token):
    """Another scheme."""

    def compile(self, services: Services) -> Recogniser:
        return replace(super().compile(services), headers=frozenset({b"badge"}))


class Identify(Filter):
    """Who asks."""

    modes: ClassVar[frozenset[str]] = frozenset({"enforce"})
    failures: ClassVar[frozenset[str]] = frozenset({"deny"})
    schemes: tuple[InstanceOf[Scheme], ...] = Field(min_length=1, description="ways to say who asks")

    def compile(self, services: Services) -> Step:
        asserts: frozenset[bytes] = frozenset()
        for index, scheme in enumerate(self.schemes):
            try:
                asserts |= scheme.compile(services).headers
            except Invalid as cause:
                raise Invalid(str(cause), ("schemes", index, *cause.at)) from cause
        return Step(writes=frozenset({PRINCIPAL, TENANT}), asserts=asserts)


class Cors(Filter):
    """Stands for `cors`."""

    def compile(self, services: Services) -> Step:
        return Step()


class IpAllow(Filter):
    """Stands for `ip_allow`."""

    allow: tuple[str, ...] = Field(min_length=1, description="who may")

    def compile(self, services: Services) -> Step:
        return Step()


class Level(BaseModel):
    """A nested part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: Literal["low", "medium", "high"] = "low"
    wait: Duration = 1.0


class Note(Filter):
    """Takes one of every kind of option."""

    count: int = Field(1, ge=1, le=100)
    ratio: float = 0.5
    loud: bool = False
    size: Size = 10
    words: tuple[str, ...] = ()
    level: Level = Level()
    key: Secret | None = None
    groups: Literal["all"] | tuple[int, ...] = "all"
    table: dict[str, int] = Field(default_factory=dict)

    def compile(self, services: Services) -> Step:
        if self.count == 13:
            raise Invalid("13 brings bad luck", ("count",))
        if self.count == 14:
            raise ZeroDivisionError("a bug")
        if self.count == 15:
            services[Duration]
        return Step()


class Ask(Filter):
    """Needs to know who asks."""

    def compile(self, services: Services) -> Step:
        return Step(reads=frozenset({PRINCIPAL}))


class Guard(Filter):
    """Guards answers."""

    at_end: bool = False
    mask: Literal["email", "phone"] = "email"

    def compile(self, services: Services) -> Step:
        needs: dict[Surface, str] = {"answer text": "mask"}
        return Step(needs={"whole answer": "at_end"} if self.at_end else needs)


class Rbac(Filter):
    """Stands for `rbac`."""

    def compile(self, services: Services) -> Step:
        return Step(reads=frozenset({PRINCIPAL}))


class RateLimit(Filter):
    """Stands for `rate_limit`."""

    def compile(self, services: Services) -> Step:
        return Step()


class SocketlessHops:
    """Hops that nobody asks."""

    def open(self, endpoint: Endpoint) -> Hop:
        return cast(Hop, object())


TABLE = Table(
    filters={
        "identify": Identify,
        "note": Note,
        "ask": Ask,
        "guard": Guard,
        "cors": Cors,
        "ip_allow": IpAllow,
        "rate_limit": RateLimit,
        "rbac": Rbac,
    },
    schemes={"token": Token, "api_key": Token, "badge": Badge},
)
ENVIRONMENT = {
    "TOKEN": "t-" + "o" * 40,
    "COUNT": "12",
    "WORD": "zebra",
    "KAPA_KEY": "k-" + "e" * 20,
    "KG_ACME_KEY": "k-" + "a" * 20,
    "KG_ACME_EU_KEY": "k-" + "u" * 20,
    "KG_BETA_KEY": "k-" + "b" * 20,
}
GOOD = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: docs
pseudonyms: {key: "${env:TOKEN}"}
roles:
  viewer: {allow: [kapa.chat]}
  operator: {includes: [viewer], allow: [route.crm]}
upstreams:
  kapa:
    type: kapa
    url: "https://kapa.example"
    project: "00000000-0000-4000-8000-000000000001"
    api_key: "${env:KAPA_KEY}"
    source_groups: all
    timeouts: {connect: 2s}
  crm: {type: http, url: "http://127.0.0.1:9000"}
gate:
  - note: {count: 3, level: {severity: low}}
    id: door
  - identify: {schemes: [{token: {secret: "${env:TOKEN}", tenant: acme}}]}
chain:
  - ask: {}
    locked: true
  - note: {count: 5, words: [alpha, beta]}
    when: {route: [kapa.chat], role: [viewer]}
  - guard: {mask: email}
    id: answer
routes:
  - {name: crm, match: "GET /crm/{rest:*}", upstream: crm, on_uninspectable: pass}
  - {name: health, match: "GET /api/health", serve: system_health}
"""
TENANT_ACME = """\
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
upstreams:
  kapa: {project: "00000000-0000-4000-8000-000000000002", api_key: "${env:KG_ACME_KEY}"}
chain:
  - {at: answer, set: {mask: phone}}
"""


@pytest.fixture
def good() -> str:
    """A Gateway document without a fault."""
    return GOOD


@pytest.fixture
def limited() -> str:
    """The same with a limit, so that there is nothing to warn of either."""
    return GOOD.replace("    id: answer\n", "    id: answer\n  - rate_limit: {}\n")


@pytest.fixture
def acme() -> str:
    """A Tenant document without a fault."""
    return TENANT_ACME


@pytest.fixture
def table() -> Table:
    return TABLE


Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads texts as `gateway.yaml`, `tenant.yaml` and files by keyword (`keys_json="..."` is keys.json)."""
    monkeypatch.chdir(tmp_path)

    def load(
        gateway: str = GOOD, tenant: str = TENANT_ACME, environment: Mapping[str, str] = ENVIRONMENT, **files: str
    ) -> Loaded:
        for name, text in {"gateway_yaml": gateway, "tenant_yaml": tenant, **files}.items():
            stem, _, suffix = name.rpartition("_")
            Path(f"{stem}.{suffix}").write_text(text, encoding="utf-8", newline="")
        paths = [Path("gateway.yaml"), *([Path("tenant.yaml")] if tenant else [])]
        services = Services({Hops: SocketlessHops(), Owners: MemoryOwners(FakeClock())})
        return load_policy(paths, References(environment), lambda settings: services, table=TABLE)

    return load


@pytest.fixture
def found(load: Load) -> Callable[..., list[str]]:
    """Loads, and gives each problem as `file:line:column code message`."""

    def found(*arguments: Any, **more: Any) -> list[str]:
        return [f"{each.span} {each.code.name} {each.message}" for each in load(*arguments, **more).diagnostics]

    return found


@pytest.fixture
def node() -> Callable[[str], MappingNode]:
    """A YAML text as a mapping node; the text must be right."""

    def node(text: str) -> MappingNode:
        problems = Diagnostics()
        documents = parse(Source("test.yaml", text, Path(".")), problems)
        assert not list(problems)
        assert isinstance(documents[0], MappingNode)
        return documents[0]

    return node
