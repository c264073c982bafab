"""The certificates that we show to clients, as the files say at the moment."""

from __future__ import annotations

import hashlib
import logging
import ssl
from pathlib import Path

from msgspec import Struct

log = logging.getLogger(__name__)


class Unusable(ValueError):
    """Files that make no TLS context."""


class CertificateFiles(Struct, frozen=True):
    """PEM files: our certificate with those that lead to its authority, its private key, and the authorities that a
    client's certificate must come from (None: clients need none).
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def digest(self) -> bytes:
        """Of what the files hold. Raises Unusable."""
        whole = hashlib.sha256()
        for path in (self.certificate, self.key, self.client_ca):
            try:
                whole.update(hashlib.sha256(path.read_bytes() if path else b"").digest())
            except OSError as cause:
                raise Unusable(f"{path}: {cause.strerror}") from None
        return whole.digest()

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer. Raises Unusable."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # an encrypted key would ask for its password on the terminal
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as cause:
            raise Unusable(f"{self.certificate} and {self.key}: {_reason(cause)}") from None
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except (OSError, ValueError) as cause:
                raise Unusable(f"{self.client_ca}: {_reason(cause)}") from None
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Certificates:
    """`context` is for the next connection; `renew` makes it anew when the files have changed. Raises Unusable."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._seen = files.digest()
        self.context = files.context()

    def renew(self) -> None:
        """Files that cannot be used, such as those that are being replaced, leave the context as it is."""
        try:
            digest = self._files.digest()
            if digest == self._seen:
                return
            self._seen = digest
            self.context = self._files.context()
        except Unusable as cause:
            log.error("the new certificates cannot be used, the old ones stay: %s", cause)
        else:
            log.info("new certificates are in use")


def _reason(cause: Exception) -> str:
    reason = getattr(cause, "reason", None) or getattr(cause, "strerror", None) or str(cause)
    return str(reason).replace("_", " ").lower()
