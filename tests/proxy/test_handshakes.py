from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from kapagate.chain.exchange import Exchange
from kapagate.chain.sink import Head, Sink
from kapagate.proxy import handshakes
from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.certificates import CertificateFiles, Certificates
from kapagate.proxy.handshakes import Handshakes
from kapagate.proxy.listener import Listener
from kapagate.proxy.terms import Terms
from kapagate.proxy.unix import UnixSocket
from tests.authority import Authority

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PATIENCE = 10.0

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # refused clients' transports, in their own loop


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


async def done(exchange: Exchange, sink: Sink) -> None:
    await sink.open(Head(200, []), b"done", True)


async def secured(stage: Any, authority: Authority, mutual: bool = False, **options: Any) -> Listener:
    files = CertificateFiles(*authority.issue("server"), authority.file if mutual else None)
    application = options.pop("application", None) or stage.scripted(done)
    listener: Listener = await stage.listener(application, certificates=Certificates(files), **options)
    return listener


async def peer(stage: Any, listener: Listener, context: ssl.SSLContext) -> Any:
    async with asyncio.timeout(PATIENCE):
        return stage.peer(*await asyncio.open_connection(*listener.address, ssl=context))


async def answer(stage: Any, listener: Listener, context: ssl.SSLContext) -> bytes:
    client = await peer(stage, listener, context)
    await client.send(GET)
    body: bytes = (await client.message())[1]
    return body


async def test_serves_by_tls_and_says_that_it_was_secure(stage: Any, authority: Authority) -> None:
    secure: list[bool] = []
    application = stage.scripted(done)
    admit = application.admit
    application.admit = lambda *request: (secure.append(request[-1]), admit(*request))[1]
    listener = await secured(stage, authority, application=application)
    client = await peer(stage, listener, authority.client())
    for _ in range(3):
        await client.send(GET)
        assert (await client.message())[1] == b"done"
    assert secure == [True] * 3
    assert application.admitted[0].request.client == "127.0.0.1"
    assert listener.active == 1
    client.close()
    await stage.until(lambda: listener.active == 0)


async def test_serves_by_tls_on_a_unix_socket(stage: Any, authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "data.sock"
    await secured(stage, authority, at=UnixSocket(path))
    opened = asyncio.open_unix_connection(path, ssl=authority.client(), server_hostname="127.0.0.1")
    client = stage.peer(*await opened)
    await client.send(GET)
    assert (await client.message())[1] == b"done"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_with_a_certificate_of_the_authority_is_let_in(
    stage: Any, authority: Authority, version: ssl.TLSVersion
) -> None:
    listener = await secured(stage, authority, mutual=True)
    context = authority.client("ada")
    context.maximum_version = version
    assert await answer(stage, listener, context) == b"done"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("whose", ["nobody's", "another authority's"])
async def test_a_client_with_another_certificate_or_none_is_kept_out(
    stage: Any, authority: Authority, whose: str, version: ssl.TLSVersion, caplog: pytest.LogCaptureFixture
) -> None:
    """In TLS 1.3 a client learns it only when it reads."""
    application = stage.scripted(done)
    listener = await secured(stage, authority, mutual=True, application=application)
    name = "" if whose == "nobody's" else "eve"
    context = authority.client(name, Authority(authority.folder, "theirs"))
    context.maximum_version = version
    with caplog.at_level(logging.INFO), pytest.raises((OSError, asyncio.IncompleteReadError)):
        await answer(stage, listener, context)
    await stage.until(lambda: listener.active == 0)
    assert application.admitted == []
    (line,) = [record.message for record in caplog.records if "no TLS" in record.message]
    assert ("certificate" in line, "None" in line) == (True, False)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00" + b"\0" * 512, b"\0"])
async def test_who_speaks_no_tls_is_shown_out(stage: Any, authority: Authority, sent: bytes) -> None:
    application = stage.scripted(done)
    listener = await secured(stage, authority, application=application)
    client = await stage.client(listener)
    await client.send(sent)
    client.writer.write_eof()
    said = b""
    with contextlib.suppress(ConnectionResetError):
        said = await client.rest()
    assert b"HTTP" not in said
    await stage.until(lambda: listener.active == 0)
    assert application.admitted == []


async def test_old_versions_of_tls_are_not_spoken(stage: Any, authority: Authority) -> None:
    listener = await secured(stage, authority)
    context = authority.client()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(OSError):  # noqa: PT011 - OpenSSL's own words
        await peer(stage, listener, context)


async def test_new_certificates_are_for_new_connections_and_old_ones_go_on(stage: Any, authority: Authority) -> None:
    files = CertificateFiles(*authority.issue("server"))
    certificates = Certificates(files)
    listener = await stage.listener(stage.scripted(done), certificates=certificates)
    old = await peer(stage, listener, authority.client())
    newer = Authority(authority.folder, "newer")
    newer.issue("server")
    certificates.renew()
    assert await answer(stage, listener, newer.client()) == b"done"
    with pytest.raises(ssl.SSLCertVerificationError):
        await peer(stage, listener, authority.client())
    await old.send(GET)
    assert (await old.message())[1] == b"done"


async def test_the_files_are_looked_at_again_and_again(stage: Any, authority: Authority) -> None:
    certificates = Certificates(CertificateFiles(*authority.issue("server")))
    first = certificates.context
    terms = Terms(None, stage.clock, Limits(), Deadlines(), lambda problem, client: None, True)  # type: ignore[arg-type]  # a double
    accepting = Handshakes(terms, [], certificates, reread=0.001)
    for _ in range(2):
        authority.issue("server")
        await stage.until(lambda: certificates.context is not first)  # noqa: B023 - awaited at once
        first = certificates.context
    accepting.close()


async def test_a_handshake_counts_as_a_connection_and_above_their_number_nobody_is_asked(
    stage: Any, authority: Authority
) -> None:
    listener = await secured(stage, authority, limits=Limits(connections=2))
    silent = [await stage.client(listener) for _ in range(2)]
    await stage.until(lambda: listener.active == 2)
    third = await stage.client(listener)
    assert await third.rest() == b""
    assert [problem.kind.name for problem in stage.refused] == ["unavailable"]
    silent[0].close()
    await stage.until(lambda: listener.active == 1)
    assert await answer(stage, listener, authority.client()) == b"done"


async def test_a_handshake_that_takes_too_long_is_ended(stage: Any, authority: Authority) -> None:
    listener = await secured(stage, authority, deadlines=Deadlines(head=0.01))
    client = await stage.client(listener)
    assert await client.rest() == b""
    await stage.until(lambda: listener.active == 0)


async def test_handshakes_end_when_the_listener_drains_and_exchanges_finish(stage: Any, authority: Authority) -> None:
    proceed = asyncio.Event()

    async def waits(exchange: Exchange, sink: Sink) -> None:
        await proceed.wait()
        await done(exchange, sink)

    application = stage.scripted(waits)
    listener = await secured(stage, authority, application=application)
    busy = await peer(stage, listener, authority.client())
    await busy.send(GET)
    await application.arrived.wait()
    silent = await stage.client(listener)
    await stage.until(lambda: listener.active == 2)
    listener.stop_accepting()
    draining = asyncio.ensure_future(listener.drain(PATIENCE))
    assert await silent.rest() == b""
    proceed.set()
    assert (await busy.rest()).endswith(b"done")
    await draining
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*listener.address)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_that_breaks_off_does_not_end_cleanly(stage: Any, authority: Authority, version: bytes) -> None:
    """No close_notify: in HTTP/1.0 it would make the half a whole."""

    async def breaks(exchange: Exchange, sink: Sink) -> None:
        await sink.open(Head(200, []), b"half", False)
        sink.cut()

    listener = await secured(stage, authority, application=stage.scripted(breaks))
    client = await peer(stage, listener, authority.client())
    await client.send(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
    try:
        said = await client.rest()
    except OSError:
        return
    assert version == b"1.1"
    assert said.endswith(b"4\r\nhalf\r\n")


async def test_no_more_waits_for_a_slow_reader_than_without_tls(stage: Any, authority: Authority) -> None:
    async def floods(exchange: Exchange, sink: Sink) -> None:
        await sink.open(Head(200, []), b"x", False)
        while True:
            await asyncio.sleep(0)
            await sink.write(b"x" * 4096, False)

    listener = await secured(stage, authority, application=stage.scripted(floods))
    client = await peer(stage, listener, authority.client())
    await client.send(GET)
    await stage.until(lambda: any(each.blocked for each in listener.terms.connections))
    (connection,) = listener.terms.connections
    assert connection._transport.get_write_buffer_size() < 2 * Limits().queued
    stage.clock.now += 61
    listener.sweep()
    await stage.until(lambda: listener.active == 0)


@pytest.mark.parametrize("more", [b"", b"x" * 300_000])
async def test_a_refusal_arrives_before_the_end(stage: Any, authority: Authority, more: bytes) -> None:
    listener = await secured(stage, authority)
    client = await peer(stage, listener, authority.client())
    client.writer.write(b"what is this?\r\n\r\n" + more)
    assert (await client.message())[0].startswith(b"HTTP/1.1 400 ")


async def test_without_descriptors_it_waits_instead_of_spinning(
    stage: Any, authority: Authority, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first accept fails as it does when the process has no descriptor left; the next is a second later."""
    paused: list[float] = []
    failing = [OSError(errno.EMFILE, "too many open files"), OSError(errno.ECONNABORTED, "gone")]
    sleep = asyncio.sleep

    class Loop:
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self._loop = loop

        async def sock_accept(self, door: socket.socket) -> Any:
            if failing:
                raise failing.pop(0)
            return await self._loop.sock_accept(door)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._loop, name)

    async def pause(seconds: float) -> None:
        paused.append(seconds)
        await sleep(0)

    monkeypatch.setattr(handshakes.asyncio, "sleep", pause)
    terms = Terms(stage.scripted(done), stage.clock, Limits(), Deadlines(), lambda problem, client: None, True)
    terms.loop = Loop(terms.loop)  # type: ignore[assignment]  # a double
    door = socket.create_server(("127.0.0.1", 0))
    address = door.getsockname()
    accepting = Handshakes(terms, [door], Certificates(CertificateFiles(*authority.issue("server"))))
    client = stage.peer(*await asyncio.open_connection(*address, ssl=authority.client()))
    await client.send(GET)
    assert (await client.message())[1] == b"done"
    assert paused.count(handshakes.PAUSE) == 1
    assert "no connection can be accepted" in caplog.text
    accepting.close()
