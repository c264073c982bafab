"""The event loop of the commands that serve: uvloop, or asyncio's own with a word about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Runs to the end. Raises what `main` raises, RuntimeError under asyncio's debug mode."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        loop = runner.get_loop()
        if loop.get_debug():
            main.close()
            raise RuntimeError("asyncio's debug mode changes what is measured and parsed; unset PYTHONASYNCIODEBUG")
        runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        log.warning("uvloop is not installed: serving with asyncio's own loop, which is slower")
        return None
    return uvloop.new_event_loop
