from __future__ import annotations

import inspect

import pytest
from pydantic import ValidationError

from kapagate.chain.hop import Endpoint
from kapagate.chain.services import Services
from kapagate.chain.upstream import Adapter, Compiled, Upstream, UpstreamType


class Toy(UpstreamType):
    """An upstream on this machine."""

    port: int

    def compile(self, name: str, services: Services) -> Compiled:
        return Compiled(Endpoint(name, "127.0.0.1", self.port), services[Adapter])


def test_an_upstream_type_compiles_to_an_endpoint_an_adapter_and_its_routes(lab) -> None:
    compiled = Toy(port=9000).compile("crm", Services({Adapter: lab.adapter}))
    assert (compiled.endpoint.name, compiled.endpoint.authority) == ("crm", "127.0.0.1:9000")
    assert (compiled.adapter, compiled.routes) == (lab.adapter, ())


def test_an_upstream_type_is_strict_and_its_errors_quote_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Toy.model_validate({"port": "clear text", "url": "clear text"})
    assert "clear text" not in str(caught.value)


@pytest.mark.parametrize("method", ["outbound", "inbound", "headers", "holds"])
def test_an_adapter_of_tests_keeps_to_the_port(lab, method: str) -> None:
    expected, given = (inspect.signature(getattr(each, method)) for each in (Adapter, type(lab.adapter)))
    assert given == expected


def test_upstreams_of_two_generations_are_not_mistaken_for_each_other(lab) -> None:
    assert Upstream("crm", lab.adapter, lab.hop) != Upstream("crm", lab.adapter, lab.hop)
