"""The event loop of the commands that serve: uvloop, or asyncio's own with a word about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import click

log = logging.getLogger(__name__)


class DebugMode(click.ClickException):
    """The process runs in asyncio's debug mode."""


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Runs to the end. Raises what `main` raises, and DebugMode before it runs at all."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        loop = runner.get_loop()
        if loop.get_debug():
            main.close()
            raise DebugMode(
                "asyncio's debug mode slows everything and logs what it should not: "
                "unset PYTHONASYNCIODEBUG and PYTHONDEVMODE, and leave out -X dev"
            )
        runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        log.warning("uvloop is not installed: serving with asyncio's own loop, which is slower")
        return None
    return uvloop.new_event_loop
