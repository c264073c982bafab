"""Accepting TLS: every connection is agreed on with the certificates of its moment.

The loops' own servers take one context for good and tell nobody of a handshake before it is done. Here a handshake
counts as a connection, is bounded in time like a request's head, and ends when the listener drains.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.proxy.certificates import Certificates
from kapagate.proxy.downstream import Downstream
from kapagate.proxy.terms import Terms

log = logging.getLogger(__name__)

REREAD = 10.0
"""Seconds between two looks at the certificates' files."""
PAUSE = 1.0
"""Seconds without accepting when the machine has nothing left to accept with."""


class Handshakes:
    """Accepts on `sockets`, which it owns, until `close`. `pending`: handshakes under way, which `cut` ends."""

    def __init__(
        self, terms: Terms, sockets: Sequence[socket.socket], certificates: Certificates, reread: float = REREAD
    ) -> None:
        self.pending: set[asyncio.Task[None]] = set()
        self._terms = terms
        self._certificates = certificates
        self._reread = reread
        for each in sockets:
            each.setblocking(False)
        self._accepting = [terms.loop.create_task(self._accept(each)) for each in sockets]
        self._timer = terms.loop.call_later(reread, self._renew)

    def close(self) -> None:
        self._timer.cancel()
        for task in self._accepting:
            task.cancel()

    def cut(self) -> None:
        for task in tuple(self.pending):
            task.cancel()

    def _renew(self) -> None:
        self._certificates.renew()
        self._timer = self._terms.loop.call_later(self._reread, self._renew)

    async def _accept(self, door: socket.socket) -> None:
        with door:
            while True:
                try:
                    accepted, peer = await self._terms.loop.sock_accept(door)
                except OSError as cause:
                    if cause.errno != errno.ECONNABORTED:
                        log.error("no connection can be accepted: %s", cause)
                        await asyncio.sleep(PAUSE)
                    continue
                self._begin(accepted, peer[0] if isinstance(peer, tuple) else "")

    def _begin(self, accepted: socket.socket, client: str) -> None:
        terms = self._terms
        if len(terms.connections) + len(self.pending) >= terms.limits.connections:
            accepted.close()
            terms.refused(Problem(problems.UNAVAILABLE, "too many connections"), client)
            return
        task = terms.loop.create_task(self._agree(accepted, client))
        self.pending.add(task)
        task.add_done_callback(self.pending.discard)

    async def _agree(self, accepted: socket.socket, client: str) -> None:
        terms = self._terms
        try:
            transport, _ = await terms.loop.connect_accepted_socket(
                lambda: Downstream(terms),
                accepted,
                ssl=self._certificates.context,
                ssl_handshake_timeout=terms.deadlines.head,
                ssl_shutdown_timeout=terms.deadlines.linger,
            )
            # the loops' own bound is 512 KiB where there is TLS, and 64 where there is none
            transport.set_write_buffer_limits(terms.limits.queued)
        except OSError as cause:
            log.info("no TLS was agreed on: %s", _said(cause), extra={"client": client})


def _said(cause: Any) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the client's certificate: {cause.verify_message}"
    return str(getattr(cause, "reason", None) or cause or type(cause).__name__).replace("_", " ").lower()
