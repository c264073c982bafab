"""The access log: one line per exchange, made on the loop and written many at a time."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import BinaryIO

import orjson

from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import NO_TENANT, NOBODY, PRINCIPAL, TENANT
from kapagate.ledger.outcome import outcome_of
from kapagate.ledger.record import LONGEST_METHOD, milliseconds, moment, problem_fields
from kapagate.telemetry.escape import escaped
from kapagate.telemetry.logs import LONGEST_FIELD, SERVICE

WINDOW = 0.05
MOST_LINES = 256
MOST_KNOWN = 1024


class AccessLog:
    """An `on_done` hook. Lines wait `WINDOW` seconds or until there are `MOST_LINES`; `flush` writes them at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lines: list[bytes] = []

    def __call__(self, exchange: Exchange) -> None:
        self._lines.append(line(exchange))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(WINDOW, self.flush)
        elif len(self._lines) >= MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Never raises: a reader of the log that has gone away is no reason to fail an exchange."""
        lines, self._lines = self._lines, []
        try:
            self._stream.write(b"".join(lines))
            self._stream.flush()
        except (OSError, ValueError):
            return


def line(exchange: Exchange) -> bytes:
    """One exchange as a JSON object and a line feed."""
    times = exchange.times
    fields = {
        "timestamp": moment(exchange.received_at + max(0.0, times.ended - times.received)),
        "level": "INFO",
        "service": SERVICE,
        "message": "exchange",
        "correlation_id": exchange.correlation_id,
        "decision": exchange.decision,
        "status": exchange.status,
        "outcome": outcome_of(exchange),
        "bytes": exchange.sent_bytes,
        "duration_ms": milliseconds(times.received, times.ended),
    }
    if exchange.refusal is not None or exchange.broken is not None:
        fields |= problem_fields(exchange)
    return orjson.dumps(fields)[:-1] + _asked(
        exchange.facts.get(PRINCIPAL, NOBODY).subject,
        exchange.facts.get(TENANT, NO_TENANT).name,
        exchange.route.template,
        exchange.request.method[:LONGEST_METHOD],
    )


@lru_cache(maxsize=MOST_KNOWN)
def _asked(subject: str, tenant: str, endpoint: str, method: str) -> bytes:
    """The end of the line, which alike exchanges of one caller share."""
    fields = {
        "user_id": escaped(subject, LONGEST_FIELD),
        "tenant_id": tenant,
        "endpoint": endpoint,
        "method": method,
    }
    return b"," + orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)[1:]
