from __future__ import annotations

import pytest

from kapagate.access.hosts import Hosts, host_of, is_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_alone_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.1", "localhost.evil.example", "127.0.0.1.evil.example"])
def test_everything_else_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("field", "host"),
    [
        ("a.example", "a.example"),
        ("A.Example.:8080", "a.example"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("127.0.0.1:", "127.0.0.1"),
        ("my_app", "my_app"),
    ],
)
def test_a_host_is_read_without_its_port_in_one_spelling(field: str, host: str) -> None:
    assert host_of(field) == host


@pytest.mark.parametrize(
    "field",
    [
        "",
        ":80",
        "a b",
        "a@localhost",
        "localhost/",
        "[::1",
        "::1",
        "localhost:x",
        "localhost:80:80",
        "localhost\n",
        "é",
    ],
)
def test_what_is_no_host_has_no_name(field: str) -> None:
    assert host_of(field) == ""
    assert not Hosts([field]).admit(field)


@pytest.mark.parametrize(
    "field", ["ask.example", "ASK.example.:443", "gateway:8080", "localhost:1", "127.0.0.1", "[::1]:1"]
)
def test_a_port_is_called_by_loopback_and_the_names_it_was_given(field: str) -> None:
    assert Hosts(["Ask.Example", "gateway"]).admit(field)


@pytest.mark.parametrize("field", ["evil.example", "localhost.evil.example", "ask.example.evil.example", "192.0.2.1"])
def test_a_port_is_called_by_nothing_else(field: str) -> None:
    hosts = Hosts(["ask.example"])
    assert not hosts.admit(field)
    assert not hosts.admit(field)
