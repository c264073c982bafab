"""Fields that end at the next connection (RFC 9110, 7.6.1), and others that are ours to write, never to pass on."""

from __future__ import annotations

from kapagate.chain.headers import RawHeaders

VIA = (b"Via", b"1.1 kapagate")

HOP_BY_HOP, CONNECTION, LENGTH, ADDRESSED, DATE, CODING, POLICY = 1, 2, 4, 8, 16, 32, 64
OURS_UPSTREAM = HOP_BY_HOP | LENGTH | ADDRESSED
OURS_DOWNSTREAM = HOP_BY_HOP | LENGTH
_ENDS_HERE = HOP_BY_HOP | POLICY

_KINDS = {
    **dict.fromkeys((b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization"), HOP_BY_HOP),
    **dict.fromkeys((b"te", b"trailer", b"upgrade", b"http2-settings"), HOP_BY_HOP),
    b"connection": HOP_BY_HOP | CONNECTION,
    b"transfer-encoding": HOP_BY_HOP | CODING,
    b"content-length": LENGTH,
    b"host": ADDRESSED,
    b"kapagate-policy": POLICY,
    b"expect": ADDRESSED,
    b"date": DATE,
}
_NOT_NAMES = frozenset({b"close", b"keep-alive", b"upgrade", b""})


class Kinds(dict[bytes, int]):
    """What a field is to us, by its name as it was spelt: flags, 0 for most. Bounded, since peers choose the names."""

    BOUND = 1024

    def __missing__(self, name: bytes) -> int:
        kind = _KINDS.get(name.lower(), 0)
        if len(self) < self.BOUND:
            self[name] = kind
        return kind


KINDS = Kinds()


def nominated(headers: RawHeaders) -> frozenset[bytes]:
    """The names, in lower case, that `Connection` says are for us alone."""
    values = [value for name, value in headers if KINDS[name] & CONNECTION]
    options = {option.strip(b" \t").lower() for value in values for option in value.split(b",")}
    return frozenset(options - _NOT_NAMES)


def end_to_end(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """The fields that go further, untouched and in order."""
    kept = []
    connection = False
    for field in headers:
        kind = KINDS[field[0]]
        if not kind & _ENDS_HERE:
            kept.append(field)
        elif kind & CONNECTION:
            connection = True
    if connection and (names := nominated(headers)):
        kept = [field for field in kept if field[0].lower() not in names]
    return kept
