"""What a client was told: kept up to a bound, hashed whole."""

from __future__ import annotations

import hashlib

LONGEST_TEXT = 16_384


class Transcript:
    """Takes the pieces of a delivered text. `keeps`: the text is wanted, not only its hash."""

    __slots__ = ("_hash", "_pieces", "_room")

    def __init__(self, keeps: bool) -> None:
        self._hash: hashlib._Hash | None = None
        self._pieces: list[str] = []
        self._room = LONGEST_TEXT if keeps else 0

    def add(self, piece: str) -> None:
        data = piece.encode("utf-8", "surrogatepass")
        if self._hash is None:
            self._hash = hashlib.sha256(data)
        else:
            self._hash.update(data)
        if self._room > 0:
            self._pieces.append(piece[: self._room])
            self._room -= len(piece)

    def digest(self) -> str:
        """SHA-256 of the whole text in UTF-8, in hex."""
        return (self._hash or hashlib.sha256()).hexdigest()

    def text(self) -> str:
        """The first LONGEST_TEXT characters."""
        return "".join(self._pieces)
