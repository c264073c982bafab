"""TLS towards upstreams: one context per endpoint, always verified."""

from __future__ import annotations

import ssl

from kapagate.chain.hop import Endpoint


def client_context(endpoint: Endpoint) -> ssl.SSLContext:
    """TLS 1.2 or newer; `ca_file` replaces the system's authorities. Raises OSError for files that cannot be read."""
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    if endpoint.client_cert is not None:
        context.load_cert_chain(endpoint.client_cert, endpoint.client_key)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def is_ended(encrypted: ssl.SSLObject) -> bool:
    """Whether the other side has said that it has said all (RFC 8446, 6.1). Without that, anybody on the way may have
    cut the connection. Asked when no more bytes come; what had come was read.
    """
    try:
        return not encrypted.read(1)
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False
