"""The settings of a Gateway document."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from kapagate.chain.secret import Resolved
from kapagate.policy import gateway
from kapagate.policy.gateway import (
    Address,
    Gateway,
    Listen,
    Socket,
    State,
    Tls,
    UnixAddress,
    parse_address,
    parse_data_address,
    parse_state,
)


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


@pytest.mark.parametrize("text", ["unix:/run/kapagate/data.sock", "unix:data.sock", "127.0.0.1:0", "[::1]:80"])
def test_the_data_address_is_tcp_or_a_unix_socket(text: str) -> None:
    address = parse_data_address(text)
    assert str(address) == text
    assert parse_data_address(address) is address
    assert isinstance(address, UnixAddress) is text.startswith("unix:")


@pytest.mark.parametrize("text", ["unix:", "unix:a\0b", "UNIX:/a", "/run/data.sock", "8080", None])
def test_what_is_no_data_address_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT.*unix:PATH"):
        parse_data_address(text)


def test_only_data_may_be_a_unix_socket() -> None:
    for door in ("probe", "admin"):
        with pytest.raises(ValidationError, match="HOST:PORT"):
            Listen.model_validate({door: "unix:/run/x.sock"})


@pytest.mark.parametrize("mode", ["0600", "660", "0666"])
def test_the_mode_of_a_socket_is_octal_text(mode: str) -> None:
    assert Socket.model_validate({"mode": mode, "owner": 1000, "group": "app"}) == Socket(
        mode=mode, owner="1000", group="app"
    )


@pytest.mark.parametrize("mode", ["rw", "0o660", "1777", 432, "66", "0888", ""])
def test_what_is_no_mode_is_refused(mode: Any) -> None:
    with pytest.raises(ValidationError):
        Socket.model_validate({"mode": mode})


def test_certificates_are_named_and_not_included() -> None:
    """What `${file:...}` stands for would be what the file held once."""
    named = Resolved("/run/tls/tls.crt", "${env:CERTIFICATE}")
    assert Tls(certificate=named, key="/run/tls/tls.key").certificate == "/run/tls/tls.crt"
    with pytest.raises(ValidationError, match="name the file itself"):
        Tls(certificate="tls.crt", key=Resolved("PEM", "${file:/run/tls/tls.key}"))


@pytest.mark.parametrize("host", ["gateway", "gateway.internal", "192.0.2.1", "[2001:db8::1]"])
def test_hosts_are_names_and_addresses(host: str) -> None:
    assert Listen(hosts=(host,)).hosts == (host,)


@pytest.mark.parametrize("host", ["", "gateway:8080", "http://gateway", "*.internal ", "a b", "a/b"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="expected a host"):
        Listen(hosts=(host,))


@pytest.mark.parametrize("url", ["https://ask.example", "http://ask.example:8080", "https://[2001:db8::1]:8443"])
def test_the_public_url_is_an_origin(url: str) -> None:
    assert Listen(public_url=url).public_url == url


@pytest.mark.parametrize(
    "url", ["ask.example", "https://", "ftp://ask.example", "https://ask.example/", "https://a@b", "https://a?b", ""]
)
def test_what_is_no_origin_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="URL without a path"):
        Listen(public_url=url)


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


def test_trusted_hops_are_networks_and_nobody_is_trusted_by_default() -> None:
    assert Gateway().listen.trusted_hops == ()
    listen = Gateway.model_validate({"listen": {"trusted_hops": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]}}).listen
    assert [str(each) for each in listen.trusted_hops] == ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "10.0.0.0/33", "localhost", "", 10, True, None, ["10.0.0.0/8"]])
def test_what_is_no_network_is_no_trusted_hop(wrong: object) -> None:
    with pytest.raises(ValidationError, match=r"network"):
        Gateway.model_validate({"listen": {"trusted_hops": [wrong]}})
