"""A small policy and its tests, written, prepared and run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent

from kapagate.policytest.session import Result, Session

POLICY = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: small
pseudonyms: {key: "${file:/nowhere/pseudonyms}"}
roles:
  viewer: {allow: [kapa.chat, route.crm, route.health]}
upstreams:
  kapa: {type: kapa, url: "${env:KAPA_URL}", project: "${env:PROJECT}", api_key: "${env:KAPA_KEY}", source_groups: all}
  crm: {type: http, url: "https://crm.example", timeouts: {first_byte: 5s}}
gate:
  - identify:
      schemes:
        - jwt: {issuer: "https://id.example", audience: docs, algorithms: [HS256], secret: "${env:JWT_SECRET}",
                claims: {tenant: org, roles: realm.roles}}
        - jwt: {issuer: "https://other.example", audience: [docs], algorithms: [ES256], tenant: default,
                keys: "https://other.example/jwks.json"}
        - api_key: {pepper: "${env:PEPPER}", keys: [
            {id: 0123456789ab, digest: "${env:DIGEST}", tenant: default, subject: report, roles: [viewer]}]}
chain:
  - audit: {}
  - metrics: {}
  - rbac: {}
  - rate_limit: {per: [subject], limit: "${env:LIMIT}/min", burst: 2}
    on_error: allow
  - guard_answer: {pii: redact}
    id: answer
routes:
  - {name: crm, match: "GET|POST /crm/{rest:*}", upstream: crm, on_uninspectable: pass}
  - {name: health, match: "GET /health", serve: system_health}
  - name: hooks
    match: "POST /hooks/{source}"
    upstream: crm
    on_uninspectable: pass
    identify: {schemes: [{webhook_signature: {SCHEME, secrets: ["${env:HOOK}"], tenant: default, subject: sender}}]}
"""
TESTS = """\
apiVersion: kapagate.dev/v1
kind: PolicyTest
name: small
callers:
  ann: {tenant: default, subject: ann, roles: [viewer]}
  eve: {tenant: default, subject: eve, roles: [viewer], forged: true}
  other: {issuer: "https://other.example", subject: otto, claims: {roles: [viewer]}}
  stolen: {issuer: "https://other.example", subject: otto, claims: {roles: [viewer]}, forged: true}
  report: {api_key: report}
  thief: {api_key: 0123456789ab, forged: true}
  sender: {webhook: true}
  fake: {webhook: true, forged: true}
cases:
"""


def prepared(
    folder: Path, cases: str, *, policy: str = POLICY, scheme: str = "scheme: standard", head: str = TESTS
) -> Session:
    """A session over a policy and a document of tests with these cases."""
    folder.joinpath("gateway.yaml").write_text(policy.replace("SCHEME", scheme), encoding="utf-8")
    folder.joinpath("tests.yaml").write_text(head + indent(cases, "  "), encoding="utf-8")
    session = Session()
    session.prepare([folder])
    return session


async def results(folder: Path, cases: str, chosen: str = "", **more: str) -> Sequence[Result]:
    """What comes of the cases. The documents have to be good."""
    session = prepared(folder, cases, **more)
    assert session.report() == ""
    return await session.run([each for each in session.suites.cases if re.search(chosen, each.name)])


async def failures(folder: Path, cases: str, **more: str) -> list[tuple[str, str, str]]:
    """Of all cases what was missed: what, expected, got."""
    found = await results(folder, cases, **more)
    return [(each.what, each.expected, each.got) for result in found for each in result.failures]
