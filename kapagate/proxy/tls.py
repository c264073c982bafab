"""TLS towards upstreams: one context per endpoint, always verified."""

from __future__ import annotations

import ssl


def client_context(ca_file: str | None) -> ssl.SSLContext:
    """TLS 1.2 or newer; `ca_file` replaces the system's authorities. Raises OSError when it cannot be read."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
