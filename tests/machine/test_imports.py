from __future__ import annotations

import os
import ssl
import subprocess
import sys

import pytest

from kapagate.machine.imports import without_authorities

_TOLD = """
import ssl
from kapagate.machine.imports import without_authorities
with without_authorities():
    import aiohttp.connector as connector
contexts = (connector._SSL_CONTEXT_VERIFIED, connector._SSL_CONTEXT_UNVERIFIED)
print([context.cert_store_stats()["x509"] for context in contexts], contexts[0].verify_mode is ssl.CERT_REQUIRED)
"""


def test_nobody_is_believed_meanwhile() -> None:
    with without_authorities():
        assert ssl.create_default_context().cert_store_stats()["x509"] == 0


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/somewhere/ca.pem")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with pytest.raises(ImportError), without_authorities():
        raise ImportError
    assert os.environ["SSL_CERT_FILE"] == "/somewhere/ca.pem"
    assert "SSL_CERT_DIR" not in os.environ


def test_aiohttp_reads_no_certificates_and_its_own_context_believes_nobody() -> None:
    told = subprocess.run([sys.executable, "-c", _TOLD], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[0, 0] True"
