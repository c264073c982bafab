"""Between a wire and events: what every codec promises, and how a text that cannot be read is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from kapagate.answer.events import Event


class Garbled(Exception):
    """What the upstream sent cannot be read as what it claims to be. The message is for the log, never for a client."""


class Codec(Protocol):
    """One answer's decoder and encoder; it has state and serves one answer.

    `whole`: the answer is one JSON value, so nothing leaves before its end. The closing record of a stream is kept
    by the codec and leaves with `finish`; records that follow it are dropped and counted in `dropped`.
    """

    @property
    def whole(self) -> bool: ...
    @property
    def dropped(self) -> int: ...
    def decode(self, chunk: bytes) -> Iterable[Event]:
        """Events completed by this piece of the body, cut anywhere. Raises Garbled."""

    def end(self) -> Iterable[Event]:
        """The upstream's body has ended: events that its rest completes. Raises Garbled when the rest is none."""

    def encode(self, events: Iterable[Event]) -> bytes:
        """Bytes of complete records; empty when nothing leaves yet."""

    def finish(self, events: Iterable[Event]) -> bytes:
        """The rest, the closing record last."""

    def failure(self, reason: str) -> bytes | None:
        """The last bytes of an answer that is refused after its head left; None where the wire has no words for it."""
