from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest

from kapagate.proxy.certificates import CertificateFiles, Certificates, Unusable
from tests.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


def test_clients_need_tls_1_2_and_no_certificate(authority: Authority) -> None:
    context = Certificates(CertificateFiles(*authority.issue("server"))).context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE


def test_with_an_authority_for_clients_they_need_one_of_its_certificates_and_no_others(authority: Authority) -> None:
    context = Certificates(CertificateFiles(*authority.issue("server"), authority.file)).context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert [dict(part[0] for part in each["subject"]) for each in context.get_ca_certs()] == [{"commonName": "ours"}]


def test_the_context_is_made_anew_when_a_file_has_changed_and_only_then(authority: Authority) -> None:
    files = CertificateFiles(*authority.issue("server"), authority.file)
    certificates = Certificates(files)
    first = certificates.context
    certificates.renew()
    files.key.touch()
    certificates.renew()
    assert certificates.context is first
    authority.issue("server")
    certificates.renew()
    second = certificates.context
    assert second is not first
    authority.file.write_bytes(Authority(authority.folder, "theirs").file.read_bytes())
    certificates.renew()
    assert certificates.context is not second


def test_files_that_do_not_fit_leave_the_context_until_they_do(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    files = CertificateFiles(*authority.issue("server"))
    certificates = Certificates(files)
    first = certificates.context
    newer, key = authority.issue("newer")
    files.certificate.write_bytes(newer.read_bytes())
    with caplog.at_level(logging.ERROR):
        certificates.renew()
        certificates.renew()
    assert certificates.context is first
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "the new certificates cannot be used, the old ones stay"
    ]
    files.key.write_bytes(key.read_bytes())
    certificates.renew()
    assert certificates.context is not first


def test_a_file_that_is_away_for_a_moment_leaves_the_context(authority: Authority) -> None:
    files = CertificateFiles(*authority.issue("server"))
    certificates = Certificates(files)
    first, held = certificates.context, files.key.read_bytes()
    files.key.unlink()
    certificates.renew()
    files.key.write_bytes(held)
    certificates.renew()
    assert certificates.context is first


@pytest.mark.parametrize("broken", ["certificate", "key", "client_ca"])
@pytest.mark.parametrize("how", ["missing", "empty", "text"])
def test_files_that_cannot_be_used_are_named(authority: Authority, broken: str, how: str) -> None:
    files = CertificateFiles(*authority.issue("server"), authority.file)
    path = getattr(files, broken)
    path.unlink() if how == "missing" else path.write_text("" if how == "empty" else "no PEM")
    with pytest.raises(Unusable, match=path.name):
        Certificates(files)


def test_a_locked_key_is_an_error_and_no_question_at_the_terminal(authority: Authority) -> None:
    with pytest.raises(Unusable, match=r"server\.key"):
        Certificates(CertificateFiles(*authority.issue("server", password=b"x" * 8)))
