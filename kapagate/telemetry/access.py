"""The access log: one line per exchange, made on the loop and written many at a time."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

import orjson

from kapagate.chain.exchange import Exchange
from kapagate.ledger.outcome import outcome_of, problem_of
from kapagate.ledger.record import moment
from kapagate.telemetry.logs import SERVICE, exchange_fields

WINDOW = 0.05
MOST_LINES = 256


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
    times, problem = exchange.times, problem_of(exchange)
    fields = {
        "timestamp": moment(exchange.received_at + max(0.0, times.ended - times.received)),
        "level": "INFO",
        "service": SERVICE,
        "message": "exchange",
        **exchange_fields(exchange),
        "decision": exchange.decision,
        "method": exchange.request.method[:32],
        "status": exchange.status,
        "outcome": outcome_of(exchange),
        "bytes": exchange.sent_bytes,
    }
    if problem is not None:
        fields["problem"], fields["step"] = problem.kind.name, problem.step
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
