"""Upstreams are read by their types and given a hop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kapagate.policy.load import Loaded
from kapagate.remote.references import References
from kapagate.run import offline

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


TLS = """\
apiVersion: kapagate.dev/v1
kind: Gateway
gate: [{rate_limit: {per: [ip], limit: 60/min}}]
upstreams: {crm: {type: http, url: "https://crm.example", OPTIONS}}
routes: [{name: crm, match: "GET /crm", upstream: crm, public: true}]
"""


@pytest.mark.parametrize(
    ("options", "file"),
    [
        ("ca_file: /nowhere/ca.crt", "/nowhere/ca.crt"),
        ("client_cert: /nowhere/tls.crt, client_key: /nowhere/tls.key", "/nowhere/tls.crt"),
        ("client_cert: GOOD, client_key: /nowhere/tls.key", "/nowhere/tls.key"),
    ],
)
def test_the_file_that_cannot_be_read_is_blamed(tmp_path: Path, options: str, file: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(TLS.replace("OPTIONS", options.replace("GOOD", str(path))))
    (found,) = offline([path], References({})).diagnostics
    assert found.message.startswith(f"the file {file} cannot be used: ")
    column = path.read_text().splitlines()[3].index(file) + 1
    assert (found.code.name, found.span.line, found.span.column) == ("KG315", 4, column)
