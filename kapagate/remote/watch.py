"""Says when the files of a policy may have changed: the system tells at once, and the clock now and then.

The system tells of folders, so that a file that is replaced, an editor's rename and the swap of `..data` in a mounted
ConfigMap are all seen. It cannot tell of every file system (networks, some containers): that is what the clock is for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

log = logging.getLogger(__name__)
PERIOD = 10.0
"""Seconds between two looks without a reason."""
QUIET_MS = 200
"""Milliseconds without a change after which what was changed is taken to be complete."""


class Watch:
    """Watches files and folders. `told` is called whenever they should be looked at."""

    def __init__(self, paths: Sequence[Path], told: Callable[[], None], period: float = PERIOD) -> None:
        self._told = told
        self._period = period
        self._folders = [path for path in paths if path.is_dir()]
        self._parents = sorted({path.parent for path in paths if not path.is_dir()})

    async def run(self) -> None:
        """Watches until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_now_and_then())
            for folders, recursive in ((self._folders, True), (self._parents, False)):
                if folders:
                    tasks.create_task(self._listen(folders, recursive))

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._period)
            self._told()

    async def _listen(self, folders: Sequence[Path], recursive: bool) -> None:
        logging.getLogger("watchfiles").setLevel(logging.WARNING)  # a log in a watched folder would tell of itself
        while True:
            try:
                await self._hear(folders, recursive)
            except (OSError, RuntimeError) as cause:
                log.warning("changes of the policy are seen late, the system does not tell of them: %s", cause)
            await asyncio.sleep(self._period)

    async def _hear(self, folders: Sequence[Path], recursive: bool) -> None:
        """In a thread of its own: `awatch` would import a second library of event loops."""
        from watchfiles import watch

        loop, stop, thread = asyncio.get_running_loop(), Event(), ThreadPoolExecutor(1, "watch")
        changes = watch(*folders, watch_filter=None, step=QUIET_MS, recursive=recursive, stop_event=stop)
        try:
            while await loop.run_in_executor(thread, next, changes, None):
                self._told()
        finally:
            stop.set()
            thread.shutdown(wait=False)
