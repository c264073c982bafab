"""Runs the gateway and, whenever it gets SIGUSR2, compiles its policy again and swaps the new generation in.

`python -m bench.reloading run POLICY ...`. The gateway has no reload of its own yet: this does what one will do, with
the references, services and pools of the process, and lets the old generation go.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from kapagate import run as composition
from kapagate.chain.generation import Generation, Live
from kapagate.chain.services import Services
from kapagate.machine.heap import settle
from kapagate.policy.gateway import Gateway
from kapagate.policy.load import Loaded, load_policy


class Reloads:
    """Stands in for `load_policy` and `Live` where the gateway is composed, and remembers what they were asked for."""

    def __init__(self) -> None:
        self.count = 0
        self._again: Callable[[], Loaded]
        self._live: Live

    def load(self, paths: Any, resolve: Any, offer: Callable[[Gateway], Services], **more: Any) -> Loaded:
        offered: list[Services] = []

        def once(settings: Gateway) -> Services:
            offered[:] = offered or [offer(settings)]
            return offered[0]

        self._again = lambda: load_policy(paths, resolve, once, **more)
        return self._again()

    def live(self, generation: Generation) -> Live:
        self._live = Live(generation)
        return self._live

    def reload(self) -> None:
        """Raises RuntimeError when the policy has errors by now."""
        loaded = self._again()
        if loaded.generation is None:
            raise RuntimeError(loaded.report())
        self._live.generation = loaded.generation
        self.count += 1
        gc.unfreeze()
        settle()


def main() -> None:
    from kapagate.cli import main as kapagate

    reloads = Reloads()
    for name, instead in (("load_policy", reloads.load), ("Live", reloads.live)):
        setattr(composition, name, instead)

    def note(number: int, frame: FrameType | None) -> None:
        asyncio.get_running_loop().call_soon(reloads.reload)

    signal.signal(signal.SIGUSR2, note)
    kapagate()


if __name__ == "__main__":
    main()
