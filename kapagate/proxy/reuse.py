"""The one place that decides whether a connection serves another message (RFC 9112, 9.3).

Both questions are asked once per message, of everything that is known at that moment. One doubt closes the connection:
a new one costs a millisecond, a byte of one answer in another costs the trust.
"""

from __future__ import annotations

import re

from kapagate.chain.headers import RawHeaders
from kapagate.proxy.framing import CLOSE, Framing

_KEEP_ALIVE = b"keep-alive"
_TIMEOUT = re.compile(rb"timeout[ \t]*=[ \t]*([0-9]{1,9})", re.IGNORECASE)
_MARGIN = 1.0


def idles_for(headers: RawHeaders, most: float) -> float:
    """For how many seconds an upstream's connection waits for another request, by the first answer on it: `most`, or
    less where the upstream says when it will close (`Keep-Alive: timeout`, RFC 2068, 19.7.1.1): it must not do so while
    a request is under way to it, since nobody could tell whether it was read (RFC 9112, 9.3.1).
    """
    for name, value in headers:
        if name.lower() == _KEEP_ALIVE and (said := _TIMEOUT.search(value)) is not None:
            seconds = float(said[1])
            most = min(most, max(seconds - _MARGIN, seconds / 2))
    return most


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
