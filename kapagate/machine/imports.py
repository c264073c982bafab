"""What importing does that a gateway never needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@contextmanager
def without_authorities() -> Iterator[None]:
    """OpenSSL finds no certificates of authorities meanwhile.

    aiohttp reads all of the system's twice when it is imported, for connections that name no context of their own:
    measured, 35 ms and 1.7 MB. Ours always name one. One that did not would believe nobody.
    """
    said = {name: os.environ.get(name) for name in _AUTHORITIES}
    os.environ.update(dict.fromkeys(_AUTHORITIES, os.devnull))
    try:
        yield
    finally:
        for name, value in said.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
