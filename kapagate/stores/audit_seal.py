"""Seals: each batch of records is bound to all before it, so that none can be changed or taken out unseen.

    seal(n) = SHA-256(seal(n - 1) + "<first id> <last id> <written at>" + records)

The first batch of a file follows on 32 zero bytes. Whoever keeps one seal elsewhere can prove later that nothing up to
it was touched; the seals alone show damage, and changes by somebody who did not compute all later seals again.
"""

from __future__ import annotations

import hashlib

from msgspec import Struct

BEGINNING = bytes(32)


class Sealed(Struct, frozen=True):
    """A batch as it is kept: the ids of its records, when it was written, what it says and what binds it."""

    id: int
    last: int
    written_at: str
    records: bytes
    previous: bytes
    seal: bytes

    def holds(self) -> bool:
        return self.seal == seal(self.previous, self.id, self.last, self.written_at, self.records)


def seal(previous: bytes, first: int, last: int, written_at: str, records: bytes) -> bytes:
    return hashlib.sha256(b"%b%d %d %b%b" % (previous, first, last, written_at.encode(), records)).digest()


def follows(batch: Sealed, before: Sealed) -> bool:
    """Whether nothing is missing between two batches."""
    return batch.id == before.last + 1 and batch.previous == before.seal
