from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kapagate.chain.hop import Endpoint, Outbound
from kapagate.chain.problem import Problem
from kapagate.chain.response import Truncated
from kapagate.proxy.tls import client_context
from tests.authority import Authority

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answering(peer: Any) -> None:
    while True:
        await peer.message()
        await peer.send(OK)


async def test_speaks_tls_with_an_upstream_of_its_own_authority(stage: Any, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    backend = await stage.backend(answering, ssl=authority.server("127.0.0.1"))
    hop = stage.hops().open(replace(backend.endpoint, tls=True, ca_file=str(authority.file)))
    for _ in range(2):
        inbound = await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
        assert [piece async for piece in inbound.body] == [b"ok"]
    assert backend.connections == 1


@pytest.mark.parametrize("says", [True, False])
async def test_an_answer_that_ends_with_its_connection_is_whole_only_if_the_upstream_said_so(
    stage: Any, tmp_path: Path, says: bool
) -> None:
    """RFC 9112, 9.8: whoever is on the way can end a connection, but cannot say so in the upstream's name."""

    async def ends(peer: Any) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        if not says:
            with socket.socket(fileno=os.dup(peer.writer.get_extra_info("socket").fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)

    authority = Authority(tmp_path, "ours")
    backend = await stage.backend(ends, ssl=authority.server("127.0.0.1"))
    hop = stage.hops().open(replace(backend.endpoint, tls=True, ca_file=str(authority.file)))
    inbound = await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
    pieces: list[bytes] = []
    try:
        async for piece in inbound.body:
            pieces.append(piece)  # noqa: PERF401 - what came before it broke off counts
        whole = True
    except Truncated:
        whole = False
    assert (b"".join(pieces), whole) == (b"hello", says)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("case", ["another authority", "another name", "no authority"])
async def test_never_believes_a_certificate_that_it_cannot_verify(stage: Any, tmp_path: Path, case: str) -> None:
    authority = Authority(tmp_path, "ours")
    other = Authority(tmp_path, "theirs")
    address = "127.0.0.2" if case == "another name" else "127.0.0.1"
    believed = {"another authority": str(other.file), "another name": str(authority.file), "no authority": None}[case]
    backend = await stage.backend(answering, ssl=authority.server(address))
    hop = stage.hops().open(replace(backend.endpoint, tls=True, ca_file=believed))
    with pytest.raises(Problem, match="upstream-unreachable"):
        await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
    assert backend.connections == 0


def test_contexts_verify_and_speak_tls_1_2_or_newer() -> None:
    context = client_context(Endpoint("a", "a.example", 443, tls=True))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def asking_for_certificates(authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = authority.server("127.0.0.1", version)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    return context


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
async def test_shows_the_policys_certificate_to_an_upstream_that_asks(
    stage: Any, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    shown = []

    async def script(peer: Any) -> None:
        shown.append(peer.writer.get_extra_info("ssl_object").getpeercert()["subjectAltName"])
        await answering(peer)

    authority = Authority(tmp_path, "ours")
    certificate, key = map(str, authority.issue("client", "127.0.0.9"))
    backend = await stage.backend(script, ssl=asking_for_certificates(authority, version))
    endpoint = replace(backend.endpoint, tls=True, ca_file=str(authority.file))
    hop = stage.hops().open(replace(endpoint, client_cert=certificate, client_key=key))
    for _ in range(2):
        inbound = await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
        assert [piece async for piece in inbound.body] == [b"ok"]
    assert shown == [(("IP Address", "127.0.0.9"),)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("version", VERSIONS)
async def test_without_a_certificate_such_an_upstream_cannot_be_reached(
    stage: Any, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    authority = Authority(tmp_path, "ours")
    backend = await stage.backend(answering, ssl=asking_for_certificates(authority, version))
    hop = stage.hops().open(replace(backend.endpoint, tls=True, ca_file=str(authority.file)))
    with pytest.raises(Problem, match="upstream-unreachable"):
        await hop.send(Outbound(b"GET", b"/", []), stage.exchange())


def test_a_certificate_that_cannot_be_read_is_noticed_when_the_pool_is_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        client_context(Endpoint("a", "a.example", 443, tls=True, client_cert=str(tmp_path / "none.pem")))
