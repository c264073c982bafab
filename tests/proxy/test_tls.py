from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kapagate.chain.hop import Outbound
from kapagate.chain.problem import Problem
from kapagate.proxy.tls import client_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority of this test's own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.folder = folder
        self.file = folder / f"{name}.pem"
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.certificate = (
            self._builder(self.name, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(identifier, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, address: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """A server's context with a certificate for an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            self._builder(x509.Name([]), key.public_key())
            .add_extension(alternative, critical=True)
            .add_extension(authority, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        chain, private = self.folder / "server.pem", self.folder / "server.key"
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, private)
        context.maximum_version = version
        return context

    def _builder(self, subject: x509.Name, key: Any) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
        )


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
    context = client_context(None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
