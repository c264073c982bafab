"""Check digits that vendors publish for their keys: right ones are no accident.

CRC-32 in base 62 behind 30 characters: GitHub ("Behind GitHub's new authentication token formats", 2021), npm ("npm has
a new access token format", 2021). CRC-32 in base 62 of all before it: `kapagate.identity.api_keys`. CRC-32 in
hexadecimal digits, lowest byte first, of all before it: Grafana (`pkg/components/satokengen`).
"""

from __future__ import annotations

import re
import string
import zlib

_BASE62 = (string.digits + string.ascii_uppercase + string.ascii_lowercase).encode()
CHECKED = (
    rb"(?:gh[pousr]|npm)_[A-Za-z0-9]{36}|kg_[a-z]{2,8}_[A-Za-z0-9]{12}_[A-Za-z0-9]{49}|glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}"
)
"""What a key with a check looks like, wherever it stands."""
_CHECKED = re.compile(CHECKED)


def verified(data: bytes, start: int) -> int:
    """Where the key at `start` ends whose check is right; `start` when none does."""
    found = _CHECKED.match(data, start)
    return found.end() if found is not None and _is_right(found[0]) else start


def _is_right(key: bytes) -> bool:
    if key.startswith(b"glsa_"):
        return key[-8:] == zlib.crc32(key[:-9]).to_bytes(4, "little").hex().encode()
    covered = key[:-6] if key.startswith(b"kg_") else key[4:-6]
    return key[-6:] == base62(zlib.crc32(covered), 6)


def base62(number: int, length: int) -> bytes:
    digits = bytearray()
    for _ in range(length):
        number, rest = divmod(number, 62)
        digits.append(_BASE62[rest])
    return bytes(reversed(digits))
