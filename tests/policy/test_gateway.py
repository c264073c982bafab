"""The settings of a Gateway document."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from kapagate.policy import gateway
from kapagate.policy.gateway import Address, Gateway, State, parse_address, parse_state


def test_a_gateway_that_says_nothing_listens_on_loopback_only() -> None:
    listen = Gateway().listen
    assert (str(listen.data), str(listen.admin), listen.probe) == ("127.0.0.1:8080", "127.0.0.1:8081", None)
    assert (listen.limits.head, listen.limits.body) == (32 << 10, 1 << 20)
    assert (listen.deadlines.head, listen.deadlines.keep_alive) == (10.0, 75.0)
    assert (listen.shutdown.drain_delay, listen.shutdown.timeout) == (0.0, 25.0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:80", Address("::1", 80)),
    ],
)
def test_addresses_are_read_and_written_alike(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text
    assert parse_address(address) is address


@pytest.mark.parametrize(
    "text", ["", ":80", "host", "host:", "host:x", "host:70000", "::1:80", "[x]:80", "host:²", 80, None]
)
def test_what_is_no_address_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)


def test_state_is_memory_or_a_file() -> None:
    assert parse_state("memory") == State(None)
    assert parse_state("sqlite:a b.db") == State("a b.db")
    for wrong in ("sqlite:", "redis://x", None, "Memory"):
        with pytest.raises(ValueError, match="memory"):
            parse_state(wrong)


def models() -> list[type[BaseModel]]:
    found = [each for each in vars(gateway).values() if isinstance(each, type) and issubclass(each, BaseModel)]
    return [each for each in found if each.__module__ == gateway.__name__]


@pytest.mark.parametrize("model", models())
def test_every_field_has_a_description_and_no_model_takes_others(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
    assert model.model_config.get("extra") == "forbid"
    assert model.model_config.get("frozen")


def test_limits_are_positive() -> None:
    for wrong in ({"head": "0B"}, {"connections": 0}):
        with pytest.raises(ValidationError):
            Gateway.model_validate({"listen": {"limits": wrong}})
