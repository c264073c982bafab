"""How much the log tells: its level, and the share of exchanges that get a line. Both may change while it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import BinaryIO

from kapagate.chain.exchange import Exchange
from kapagate.ledger.outcome import outcome_of
from kapagate.telemetry.access import AccessLog

Finished = Callable[[Exchange], None]
_QUIET = frozenset({"warning", "error"})
"""Levels at which no exchange gets a line: theirs is INFO."""


class Verbosity:
    """`said` is the level of the command line, which wins over the policy's. `root` is the logger whose level follows;
    None: nobody's does. Without a stream no exchange gets a line.
    """

    def __init__(
        self, stream: BinaryIO | None = None, said: str | None = None, root: logging.Logger | None = None
    ) -> None:
        self._access = AccessLog(stream) if stream is not None else None
        self._said = said
        self._root = root
        self.finished: Finished | None = self._access

    def become(self, level: str, sampling: float) -> None:
        """As the policy in use says it; `finished` is then what exchanges are handed to, None for nothing."""
        level = self._said or level
        if self._root is not None:
            self._root.setLevel(level.upper())
        if self._access is None or level in _QUIET:
            self.finished = None
        else:
            self.finished = self._access if sampling >= 1.0 else Sampled(self._access, sampling)

    def flush(self) -> None:
        if self._access is not None:
            self._access.flush()


class Sampled:
    """Hands a share of the exchanges on, evenly spread; of those that were refused, failed or left each one."""

    def __init__(self, finished: Finished, share: float) -> None:
        self._finished = finished
        self._share = share
        self._due = 0.0

    def __call__(self, exchange: Exchange) -> None:
        if outcome_of(exchange) == "answered":
            self._due += self._share
            if self._due < 1.0:
                return
            self._due -= 1.0
        self._finished(exchange)


SILENT = Verbosity()
"""For gateways of which nobody reads a log."""
