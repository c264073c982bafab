"""Every place of a policy that sets a field, whichever layer says it and in whatever way."""

from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.policy.documents import read_documents
from kapagate.policy.field import home_of
from kapagate.policy.finding import Diagnostics
from kapagate.policy.source import Source
from kapagate.policy.table import Table
from kapagate.policy.whereabouts import whereabouts

TEXT = """\
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
upstreams: {kapa: {stream: buffer}}
chain:
  - {at: ask, set: {max_length: 100}, mode: shadow}
  - {add: {guard_answer: {confidence: {uncertain: withhold}}, id: own}, after: answer}
---
apiVersion: kapagate.dev/v1
kind: Exception
name: logs
tenant: acme
step: ask
field: max_length
value: 900
---
apiVersion: kapagate.dev/v1
kind: Environment
name: production
listen: {limits: {body: 64KiB}}
chain:
  - {at: answer, set: {confidence: {uncertain: allow}}}
---
apiVersion: kapagate.dev/v1
kind: Gateway
listen: {limits: {body: "${env:BODY}"}}
upstreams: {kapa: {type: kapa, stream: window}, crm: {type: http, stream: window}}
roles: {viewer: {allow: [kapa.chat]}}
gate:
  - identify: {schemes: [{jwt: {issuer: one}}, {api_key: {pepper: "${env:PEPPER}"}}]}
chain:
  - guard_question: {max_length: 400}
    id: ask
  - guard_answer: {confidence: {uncertain: disclaim}}
    id: answer
routes:
  - {name: hooks, match: POST /hooks, ip_allow: [192.0.2.0/24], identify: {schemes: [{jwt: {issuer: two}}]}}
"""
DOCUMENTS = read_documents([Source("all.yaml", TEXT, Path("."))], Diagnostics())
IDS = {"identify": "identify", "ask": "guard_question", "answer": "guard_answer", "own": "guard_answer"}


def found(said: str, step: str = "") -> list[tuple[str, str, str]]:
    places = whereabouts(home_of(said, Table(), IDS), DOCUMENTS, IDS, step)
    return [(each.of, each.value, each.origin.layer) for each in places]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "guard_question.max_length",
            [("ask", "400", "gateway"), ("ask", "100", "tenant acme"), ("ask", "900", "exception logs")],
        ),
        (
            "guard_answer.confidence.uncertain",
            [
                ("answer", "disclaim", "gateway"),
                ("answer", "allow", "environment production"),
                ("own", "withhold", "tenant acme"),
            ],
        ),
        ("guard_question.mode", [("ask", "shadow", "tenant acme")]),
        ("jwt.issuer", [("identify", "one", "gateway"), ("hooks", "two", "gateway")]),
        ("api_key.pepper", [("identify", "${env:PEPPER}", "gateway")]),
        ("kapa.stream", [("kapa", "window", "gateway"), ("kapa", "buffer", "tenant acme")]),
        (
            "listen.limits.body",
            [("gateway", "${env:BODY}", "gateway"), ("environment", "64KiB", "environment production")],
        ),
        ("ip_allow.allow", [("hooks.ip_allow", "[192.0.2.0/24]", "gateway")]),
        ("role.allow", [("viewer", "[kapa.chat]", "gateway")]),
        ("route.match", [("hooks", "POST /hooks", "gateway")]),
        ("Tenant.name", [("acme", "acme", "tenant acme")]),
        ("guard_answer.code", []),
    ],
)
def test_every_layer_that_sets_a_field_is_found(said: str, expected: list[tuple[str, str, str]]) -> None:
    assert found(said) == expected


def test_one_step_alone_may_be_asked_for() -> None:
    assert found("guard_answer.confidence", "own") == [("own", "{uncertain: withhold}", "tenant acme")]


def test_the_place_is_the_values() -> None:
    [first, *_] = whereabouts(home_of("guard_question.max_length", Table(), IDS), DOCUMENTS, IDS)
    assert first.origin.place == "all.yaml:32:34"
