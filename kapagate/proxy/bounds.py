"""How much one client may ask of us, and how long it may take. Sizes in bytes, times in seconds."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True):
    """`queued`: a body's bytes in memory before its sender is made to wait. `drained`: what is read of a body that
    nobody wanted before the connection is closed instead.
    """

    head: int = 32 << 10
    target: int = 16 << 10
    fields: int = 100
    connections: int = 4096
    queued: int = 64 << 10
    drained: int = 256 << 10


class Deadlines(Struct, frozen=True):
    """`head`: from a request's first byte (or from the connection's start) to the end of its head. `body_idle`: between
    two pieces of its body. `reader`: until a client that reads slowly has read enough for us to go on. `linger`: how
    long input is thrown away after a refusal, so that the refusal is not lost in a reset.
    """

    head: float = 10.0
    body_idle: float = 30.0
    reader: float = 60.0
    keep_alive: float = 75.0
    linger: float = 1.0
