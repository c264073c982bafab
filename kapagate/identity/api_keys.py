"""API keys: `kg_<env>_<id>_<secret><checksum>`.

`env` says where the key belongs, `id` (12 characters) is the name that records may show, the secret (43 characters) has
256 bits, and the last six characters are the CRC-32 of all before them. The checksum lets a scanner tell a key from
noise, and lets the gateway refuse a mistyped one without a look-up; it protects nothing. What is stored is an
HMAC-SHA-256 of the whole key under a pepper: with 256 random bits there is nothing to stretch, and a slow hash on
an unauthenticated path would be an attack on ourselves.
"""

from __future__ import annotations

import hmac
import re
import string
import zlib
from collections.abc import Callable

from msgspec import Struct

PREFIX = "kg_"
ENVIRONMENT = r"[a-z]{2,8}"
ID = r"[0-9A-Za-z]{12}"

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH, _SECRET_LENGTH, _CHECKSUM_LENGTH = 12, 43, 6
_KEY = re.compile(rf"kg_({ENVIRONMENT})_({ID})_[0-9A-Za-z]{{{_SECRET_LENGTH + _CHECKSUM_LENGTH}}}", re.ASCII)
_PURPOSE = b"kapagate api key\0"


class Key(Struct, frozen=True):
    """A well-formed key. `text` is the secret itself, `id` its public name."""

    env: str
    id: str
    text: str

    def __repr__(self) -> str:
        return f"Key(env={self.env!r}, id={self.id!r})"


def create(env: str, random_bytes: Callable[[int], bytes], identifier: str = "") -> Key:
    """A new key, with an id of its own unless one is given. Raises ValueError when `env` is not two to eight lower-case
    letters.
    """
    if re.fullmatch(ENVIRONMENT, env, re.ASCII) is None:
        raise ValueError(f"the environment of a key is two to eight lower-case letters, not {env!r}")
    identifier = identifier or _base62(int.from_bytes(random_bytes(16)) % 62**_ID_LENGTH, _ID_LENGTH)
    secret = _base62(int.from_bytes(random_bytes(32)), _SECRET_LENGTH)
    text = f"{PREFIX}{env}_{identifier}_{secret}"
    return Key(env, identifier, text + _checksum(text))


def parse(text: str) -> Key | None:
    """The key that a text is; None when its form or its checksum is wrong."""
    found = _KEY.fullmatch(text)
    if found is None or _checksum(text[:-_CHECKSUM_LENGTH]) != text[-_CHECKSUM_LENGTH:]:
        return None
    return Key(found[1], found[2], text)


def digest(pepper: bytes, key: Key) -> str:
    """What is stored in place of a key: HMAC-SHA-256 in 64 hexadecimal digits."""
    return hmac.digest(pepper, _PURPOSE + key.text.encode("ascii"), "sha256").hex()


def matches(pepper: bytes, key: Key, stored: str) -> bool:
    """Whether `stored` is the key's digest; takes as long when it is not."""
    return hmac.compare_digest(digest(pepper, key), stored)


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode("ascii")), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
