"""The one place that decides whether a connection serves another message (RFC 9112, 9.3).

Both questions are asked once per message, of everything that is known at that moment. One doubt closes the connection:
a new one costs a millisecond, a byte of one answer in another costs the trust.
"""

from __future__ import annotations

from kapagate.proxy.framing import CLOSE, Framing


def goes_back(*, complete: bool, sent_whole: bool, surplus: bool, keep_alive: bool, framing: Framing) -> bool:
    """Whether an upstream's connection goes back to the pool.

    `complete`: the answer ended as its framing says. `sent_whole`: so did our request. `surplus`: bytes came that
    belong to no answer. `keep_alive`: nobody said close, and the version allows it.
    """
    return complete and sent_whole and not surplus and keep_alive and framing is not CLOSE


def stays_open(*, asked: bool, framing: Framing, draining: bool, expecting: bool, left: int | None) -> bool:
    """Whether a client's connection stays open behind this answer, as its `Connection` field will say.

    `asked`: the client's own wish. `expecting`: the client waits for a 100 that was never sent, so that nobody can know
    whether a body follows. `left`: bytes of the request's body that the answer does not wait for and that would have to
    be drained, None where that is more than we drain.
    """
    return asked and framing is not CLOSE and not draining and not expecting and left is not None
