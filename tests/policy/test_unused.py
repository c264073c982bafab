"""What nothing uses, and what nobody may ask for, is told of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kapagate.remote.references import References
from kapagate.run import offline

GATEWAY = """\
apiVersion: kapagate.dev/v1
kind: Gateway
roles:
  reader: {allow: [route.crm]}
  writer: {includes: [reader]}
upstreams:
  crm: {type: http, url: "http://127.0.0.1:9000"}
gate:
  - rate_limit: {per: [ip], limit: 60/min}
  - identify:
      schemes:
        - api_key:
            pepper: "${env:SECRET}"
            keys:
              - {id: abcdefghij01, digest: "DIGEST", tenant: acme, subject: s, roles: [writer]}
chain:
  - rbac: {}
routes:
  - {name: crm, match: "GET /crm", upstream: crm}
---
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
""".replace("DIGEST", "0" * 64)
Told = Callable[..., list[tuple[int, str, str]]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """The warnings of the policy with a part of its text replaced: line, code, message."""

    def told(old: str = "", new: str = "") -> list[tuple[int, str, str]]:
        assert old in GATEWAY
        (tmp_path / "gateway.yaml").write_text(GATEWAY.replace(old, new, 1) if old else GATEWAY)
        loaded = offline([tmp_path], References({"SECRET": "s" * 40}))
        assert loaded.ok, loaded.report()
        return [(each.span.line, each.code.name, each.message) for each in loaded.diagnostics]

    return told


def test_a_policy_in_which_everything_is_used_has_no_warning(told: Told) -> None:
    assert told() == []


def test_an_upstream_that_no_route_leads_to_is_told_of(told: Told) -> None:
    idle = '  crm: {type: http, url: "http://127.0.0.1:9000"}\n  old: {type: http, url: "http://127.0.0.1:9001"}\n'
    assert told('  crm: {type: http, url: "http://127.0.0.1:9000"}\n', idle) == [
        (8, "KG353", 'no route leads to the upstream "old"')
    ]


def test_a_route_that_no_role_opens_is_told_of(told: Told) -> None:
    assert told("allow: [route.crm]", "allow: [kapa.chat]") == [
        (19, "KG354", 'no role has "route.crm": the route refuses everybody')
    ]
    assert told("allow: [route.crm]", 'allow: ["route.*"]') == []


def test_a_public_route_needs_no_role(told: Told) -> None:
    first = '  - {name: crm, match: "GET /crm", upstream: crm}\n'
    open_one = '  - {name: open, match: "GET /open", upstream: crm, public: true}\n'
    told_of = told(
        "  - rbac: {}\nroutes:\n" + first, f"  - rbac: {{}}\n    when: {{public: false}}\nroutes:\n{first}{open_one}"
    )
    assert told_of == []


def test_a_role_that_no_credential_brings_is_told_of(told: Told) -> None:
    assert told("  writer: {", "  owner: {}\n  writer: {") == [(5, "KG353", 'no credential brings the role "owner"')]


def test_a_tenant_that_no_credential_names_is_told_of(told: Told) -> None:
    other = "name: acme\n---\napiVersion: kapagate.dev/v1\nkind: Tenant\nname: globex\n"
    assert told("name: acme\n", other) == [(27, "KG353", 'no credential names the tenant "globex"')]


def test_where_tokens_may_bring_any_role_and_tenant_nothing_is_said_of_them(told: Told) -> None:
    jwt = 'jwt: {issuer: i, audience: a, algorithms: [HS256], secret: "${env:SECRET}", claims: {tenant: t, roles: r}}'
    keys = GATEWAY[GATEWAY.index("        - api_key") : GATEWAY.index("chain:")]
    assert told(keys, f"        - {jwt}\n") == []
