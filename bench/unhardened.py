"""Runs the gateway without what hardens the hop: for `bench.hardening` alone, never where anybody else can connect.

Left out is what only hostile or broken peers notice: the verdicts on a request's head (method, version, Host, number of
fields, named fields, door), the look at its protocol, feeding the parser a message at a time, the empty lines behind an
answer, the question to the kernel before a connection is asked again, controls in a reason, deadlines while a head or a
body is awaited, the bounds on exchanges and on the memory of JSON. Parsers and framing stay: without them is no proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kapagate.chain import entry, exchange
from kapagate.chain.headers import Headers
from kapagate.proxy import acceptance, downstream, intake, upstream

_MANY = 1 << 60


def nothing(*arguments: Any) -> None:
    """What was checked is not."""


def _bytes_of(message: Any) -> bytes:
    path: bytes = message.path.encode()
    return path


def _fields_of(message: Any) -> Headers:
    return Headers(message.raw_headers)


def _admitted(admit: Callable[..., None]) -> Callable[..., None]:
    """An entry that counts no exchanges."""

    def init(self: Any, *arguments: Any, **more: Any) -> None:
        admit(self, *arguments, **more)
        self._most, self._shares = _MANY, None

    return init


LEFT_OUT: tuple[tuple[Any, str, Any], ...] = (
    (acceptance, "check", nothing),
    (acceptance, "check_door", nothing),
    (acceptance, "target_of", _bytes_of),
    (acceptance, "headers_of", _fields_of),
    (intake.Intake, "_speaks_http", lambda self, line, piece: True),
    (intake.Intake, "_up_to_its_end", lambda self, piece: piece),
    (downstream.Downstream, "head_began", nothing),
    (downstream.Downstream, "await_body", nothing),
    (downstream.Downstream, "body_came", nothing),
    (upstream.Upstream, "silent", property(lambda self: not self._transport.is_closing())),
    (upstream.Upstream, "_followed", lambda self, data: False),
    (upstream.Upstream, "on_status", nothing),
    (upstream.Upstream, "await_piece", nothing),
    (entry.Entry, "__init__", _admitted(entry.Entry.__init__)),
    (exchange, "check_weight", nothing),
)


def soften() -> None:
    """Raises AttributeError when something of it has another name by now."""
    for owner, name, instead in LEFT_OUT:
        getattr(owner, name)
        setattr(owner, name, instead)


def main() -> None:
    from kapagate.cli import main as kapagate

    soften()
    kapagate()


if __name__ == "__main__":
    main()
