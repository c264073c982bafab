"""Upstreams are read by their types and given a hop."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.policy.load import Loaded

CRM = '  crm: {type: http, url: "http://127.0.0.1:9000"}'


def test_routes_that_an_upstream_brings_along_lead_to_it(load: Callable[..., Loaded]) -> None:
    generation = load().generation
    assert generation is not None
    kapa = [route for route in generation.routes.routes if route.name.startswith("kapa.")]
    assert kapa
    assert {route.upstream.name for route in kapa if route.upstream} == {"kapa"}
    assert len({id(route.upstream) for route in kapa}) == 1


@pytest.mark.parametrize(
    ("crm", "expected"),
    [
        ("  crm: 3", "16:3 KG211"),
        ("  crm: {type: [http]}", "16:15 KG218"),
        ("  crm: {}", "16:3 KG210"),
        ('  crm: {type: http, url: "http://example.com"}', "16:26 KG315"),
        ('  crm: {type: http, url: "http://169.254.169.254"}', "16:26 KG315"),
        ("  crm: {type: http}", "16:3 KG210"),
        ('  crm: {type: http, url: "http://127.0.0.1:9000", project: x}', "16:51 KG214"),
        ('  Crm: {type: http, url: "http://127.0.0.1:9000"}', "16:3 KG212"),
    ],
)
def test_what_is_wrong_with_an_upstream_is_said_at_its_place(
    load: Callable[..., Loaded], good: str, crm: str, expected: str
) -> None:
    first = next(iter(load(good.replace(CRM, crm)).diagnostics))
    assert f"{first.span.line}:{first.span.column} {first.code.name}" == expected
