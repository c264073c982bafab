"""Files that are read again when they change: looked at every few seconds, taken when they have come to rest.

A look compares what the file system says of a file (device, inode, size, time of change) with what it said when the
file was last taken. One that differs is read when two looks in a row agree, so that what somebody is writing is not
read half. All of this goes on in a thread of its own, the takers' part included: a long list takes its time to read.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from weakref import WeakMethod

from kapagate.chain.meter import CountFamily, Meter
from kapagate.remote.references import read_text

log = logging.getLogger(__name__)
PERIOD = 2.0
_Mark = tuple[int, int, int, int] | None


class _File:
    """One file for one taker. `mark` is as it was taken, `seen` as it was last seen."""

    __slots__ = ("mark", "path", "seen", "take")

    def __init__(self, path: Path, take: Callable[[str], None]) -> None:
        self.path = path
        self.take = WeakMethod(take)
        self.mark = self.seen = _mark(path)

    def settled(self) -> bool:
        """Whether it is another than the one that was taken, and the same as at the last look."""
        before, self.seen = self.seen, _mark(self.path)
        return self.seen == before and self.seen != self.mark


class WatchedFiles:
    """The files of all steps that live. `look` once per PERIOD."""

    def __init__(self, meter: Meter) -> None:
        self._files: list[_File] = []
        self._failures: CountFamily = meter.counter(
            "kapagate_watched_file_failures_total",
            "Changed files that could not be used: the last good one stands.",
            ["file"],
        )

    def watch(self, path: str, take: Callable[[str], None]) -> None:
        file = _File(Path(path), take)
        take(read_text(file.path))
        self._files.append(file)

    async def look(self) -> None:
        """Takes what has changed and come to rest."""
        self._files = [file for file in self._files if file.take() is not None]
        if self._files:
            await asyncio.to_thread(self._take_changed, tuple(self._files))

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            await asyncio.sleep(PERIOD)
            await self.look()

    def _take_changed(self, files: tuple[_File, ...]) -> None:
        for file in files:
            take = file.take()
            if take is not None and file.settled():
                self._hand_out(file, take)

    def _hand_out(self, file: _File, take: Callable[[str], None]) -> None:
        file.mark = file.seen
        try:
            take(read_text(file.path))
        except Exception as cause:
            self._failures.labels(str(file.path)).inc()
            log.error(
                "a changed file cannot be used, the last good one stands: %s", cause, extra={"file": str(file.path)}
            )
        else:
            log.info("a changed file is in use", extra={"file": str(file.path)})


def _mark(path: Path) -> _Mark:
    """None: there is no such file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
