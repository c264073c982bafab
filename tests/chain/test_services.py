from __future__ import annotations

import pytest

from kapagate.chain.services import Services


class Buckets:
    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix

    def scoped(self, prefix: str) -> Buckets:
        return Buckets(self.prefix + prefix)


class Clock:
    pass


def test_a_port_is_had_by_its_type() -> None:
    clock = Clock()
    assert Services({Clock: clock})[Clock] is clock


def test_a_port_that_the_process_does_not_offer_is_named() -> None:
    with pytest.raises(LookupError, match="no Buckets here"):
        Services({Clock: Clock()})[Buckets]


def test_stateful_ports_are_handed_out_under_the_steps_own_prefix() -> None:
    clock = Clock()
    services = Services({Buckets: Buckets(), Clock: clock})
    scoped = services.scoped("shadow.limit")
    assert scoped[Buckets].prefix == "shadow.limit"
    assert scoped[Clock] is clock
    assert services[Buckets].prefix == ""


def test_more_ports_can_be_offered_without_touching_the_first() -> None:
    services = Services({Clock: Clock()}).scoped("a.")
    more = services.with_ports({Buckets: Buckets()})
    assert more[Buckets].prefix == "a."
    with pytest.raises(LookupError):
        services[Buckets]
