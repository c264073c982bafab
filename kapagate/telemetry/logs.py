"""Logs: one JSON object a line on stderr, for what stdlib `logging` says anywhere and for every exchange.

Every line has `timestamp, level, service, message` and, where it is about an exchange, `correlation_id, user_id,
tenant_id, endpoint, duration_ms`. Code logs with `extra={"exchange": ex}`; other extras become fields of their own.
Query strings, headers, bodies and secrets are in no line.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, BinaryIO

import orjson
import structlog

from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import NO_TENANT, NOBODY, PRINCIPAL, TENANT
from kapagate.ledger.record import milliseconds, moment
from kapagate.telemetry.escape import escaped, escaped_lines

SERVICE = "kapagate"
LONGEST_FIELD = 256
LONGEST_MESSAGE = 4096
LONGEST_TRACEBACK = 16_384
MOST_EXTRAS = 16

Event = MutableMapping[str, Any]


def configure(level: str = "INFO", stream: BinaryIO | None = None) -> logging.Handler:
    """Formats everything that goes through stdlib `logging` from now on, and returns the handler that does."""
    handler = logging.StreamHandler(_Text(stream or sys.stderr.buffer))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processors=[
                _told,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _line,
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    return handler


class _Text:
    """A text stream over bytes; a closed or broken stream is nobody's failure."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        self._stream.write(text.encode("utf-8", "replace"))

    def flush(self) -> None:
        self._stream.flush()


def exchange_fields(exchange: Exchange) -> dict[str, Any]:
    """Who and what an exchange is, as every line about it says it."""
    principal = exchange.get(PRINCIPAL) or NOBODY
    times = exchange.times
    return {
        "correlation_id": exchange.correlation_id,
        "user_id": escaped(principal.subject, LONGEST_FIELD),
        "tenant_id": (exchange.get(TENANT) or NO_TENANT).name,
        "endpoint": exchange.route.template,
        "duration_ms": milliseconds(times.received, times.ended),
    }


def _told(logger: Any, method: str, event: Event) -> Event:
    """The fields of one record of stdlib `logging`, in their order, within their bounds."""
    record: logging.LogRecord = event["_record"]
    fields: dict[str, Any] = {
        "timestamp": moment(record.created),
        "level": record.levelname,
        "service": SERVICE,
        "logger": record.name,
        "message": escaped(str(event.pop("event", "")), LONGEST_MESSAGE),
    }
    exchange = event.pop("exchange", None)
    if isinstance(exchange, Exchange):
        fields |= exchange_fields(exchange)
        fields["decision"], fields["step"] = exchange.decision, exchange.step
    kept = {name: event.pop(name) for name in ("_record", "_from_structlog", "exc_info", "stack_info") if name in event}
    fields |= _bounded(event)
    return fields | kept


def _bounded(extras: Mapping[str, Any]) -> dict[str, Any]:
    names = [name for name in extras if not name.startswith("_")][:MOST_EXTRAS]
    return {escaped(name, 64): _plain(extras[name]) for name in names}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() < 64):
        return value
    return escaped(str(value), LONGEST_FIELD)


def _line(logger: Any, method: str, event: Event) -> str:
    if "exception" in event:
        event["exception"] = escaped_lines(str(event["exception"]), LONGEST_TRACEBACK)
    event.pop("stack_info", None)
    return orjson.dumps(event).decode()
