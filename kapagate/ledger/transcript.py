"""What a client was told: kept up to a bound, hashed whole."""

from __future__ import annotations

import hashlib

LONGEST_TEXT = 16_384
BLOCK = 4096


class Transcript:
    """Takes the pieces of a delivered text. `keeps`: the text is wanted, not only its hash.

    A stream's pieces are a word each: they are hashed by the BLOCK, of characters.
    """

    __slots__ = ("_hash", "_kept", "_pieces", "_room", "_waiting")

    def __init__(self, keeps: bool) -> None:
        self._hash: hashlib._Hash | None = None
        self._pieces: list[str] = []
        self._waiting = 0
        self._kept = ""
        self._room = LONGEST_TEXT if keeps else 0

    def add(self, piece: str) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting >= BLOCK:
            self._take()

    def digest(self) -> str:
        """SHA-256 of the whole text in UTF-8, in hex."""
        if self._hash is None and self._room == 0:
            return hashlib.sha256("".join(self._pieces).encode("utf-8", "surrogatepass")).hexdigest()
        return self._take().hexdigest()

    def text(self) -> str:
        """The first LONGEST_TEXT characters."""
        self._take()
        return self._kept

    def _take(self) -> hashlib._Hash:
        text = "".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self._room > 0:
            self._kept += text[: self._room]
            self._room -= len(text)
        data = text.encode("utf-8", "surrogatepass")
        if self._hash is None:
            self._hash = hashlib.sha256(data)
        else:
            self._hash.update(data)
        return self._hash
