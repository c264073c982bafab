"""Schemes name tenants that exist."""

from __future__ import annotations

from collections.abc import Callable

from kapagate.policy.credentials import check_tenants
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping


def test_tenants_of_schemes_and_of_their_keys_exist(node: Callable[[str], Mapping]) -> None:
    text = """
schemes:
  - jwt: {tenant: acme, tenants: [acme, bta], claims: {tenant: org}}
  - api_key:
      keys:
        - {id: a, tenant: acme}
        - {id: b, tenant: acne}
        - 3
  - {}
  - x
"""
    problems = Diagnostics()
    check_tenants(node(text).get("schemes"), {"acme", "beta"}, problems)
    assert [(each.span.line, each.suggestion) for each in problems] == [(3, "beta"), (7, "acme")]


def test_a_path_parameter_names_the_tenants_of_its_sources(node: Callable[[str], Mapping]) -> None:
    text = """
schemes:
  - webhook_signature:
      tenant: "{source}"
      sources:
        acme: [x]
        beta: [y]
        acne: [z]
  - webhook_signature: {tenant: acme, subject: "{source}", sources: {billing: [x]}}
  - webhook_signature: {tenant: "{source}", sources: 3}
"""
    problems = Diagnostics()
    check_tenants(node(text).get("schemes"), {"acme", "beta"}, problems)
    assert [(each.span.line, each.suggestion) for each in problems] == [(8, "acme")]


def test_no_schemes_name_no_tenants() -> None:
    problems = Diagnostics()
    check_tenants(None, {"acme"}, problems)
    assert len(problems) == 0
