"""Bytes as people read them: ASCII with escapes, broken over lines where it suits.

    \\r \\n \\t \\0 \\\\     as everywhere             \\xHH        one byte
    \\(a*32768)          the text `a`, so many times; another may stand in it
    \\(wait)             what follows is sent only after a `100 Continue` has come

The ends of lines in the notation itself mean nothing; every byte of a message is written out.
"""

from __future__ import annotations

import re

_PIECE = re.compile(r"\\(?:x([0-9a-f]{2})|\(((?:[^()]|\\\([^()]+\))+)\*([0-9]+)\)|([rnt0\\]))|([ -\[\]-~]+)|\n")
_SHORT = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
WAIT = "\\(wait)"


def decoded(text: str) -> bytes:
    """Raises ValueError for what the notation does not know."""
    pieces = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise ValueError(f"no notation of bytes: {text[at : at + 20]!r}")
        at = found.end()
        pieces.append(_meaning(found))
    return b"".join(pieces)


def _meaning(piece: re.Match[str]) -> bytes:
    byte, repeated, times, short, plain = piece.groups()
    if byte:
        return bytes.fromhex(byte)
    if repeated:
        return decoded(repeated) * int(times)
    return _SHORT[short] if short else (plain or "").encode("ascii")
