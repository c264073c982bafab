"""Fields that end at the next connection (RFC 9110, 7.6.1): they are ours to write, never to pass on."""

from __future__ import annotations

from kapagate.chain.headers import RawHeaders

HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings"),
    }
)
OURS_UPSTREAM = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
OURS_DOWNSTREAM = HOP_BY_HOP | {b"content-length"}

VIA = (b"Via", b"1.1 kapagate")

_NOT_NAMES = frozenset({b"close", b"keep-alive", b"upgrade", b""})


def nominated(headers: RawHeaders) -> frozenset[bytes]:
    """The names, in lower case, that `Connection` says are for us alone."""
    values = [value for name, value in headers if name.lower() == b"connection"]
    options = {option.strip(b" \t").lower() for value in values for option in value.split(b",")}
    return frozenset(options - _NOT_NAMES)


def end_to_end(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """The fields that go further, untouched and in order."""
    kept = []
    connection = False
    for field in headers:
        name = field[0].lower()
        if name not in HOP_BY_HOP:
            kept.append(field)
        elif name == b"connection":
            connection = True
    if connection and (names := nominated(headers)):
        kept = [field for field in kept if field[0].lower() not in names]
    return kept
