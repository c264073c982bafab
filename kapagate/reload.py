"""Reload: the new generation is built beside the old one, then one reference is swapped.

It is built on the loop, a millisecond at a time with a millisecond for requests between: in a thread it would hold the
interpreter's lock for five at a stretch. Only files are read in a thread, which waits for the system most of the time.
Exchanges that run keep the generation that they began with, and it goes when the last of them is done; of a later one
they learn only which of their steps it switched off (`kapagate.chain.succession`). What cannot change while the gateway
runs stays as it was at the start, and is told.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from kapagate.chain.clock import Clock
from kapagate.chain.generation import Live
from kapagate.ledger.journal import RELOAD, Journal
from kapagate.machine.heap import settle_more, uncollected
from kapagate.policy.gateway import Gateway as Settings
from kapagate.policy.gateway import Settings as Part
from kapagate.policy.load import Loaded
from kapagate.policy.loader import Files, Loader
from kapagate.policy.work import Work
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.web.config import Attempt

log = logging.getLogger(__name__)
T = TypeVar("T")
SLICE = 0.001
"""Seconds of work between two rests, and of the rest."""
LAPSE = "lapse"
"""By whom a reload is that no file asked for: an exception expired."""
_LONGEST_WAIT = 30.0
_LIVE = frozenset({"shutdown", "body", "limits", "policy_header"})
"""What of `listen` and its `limits` takes effect at once; the other limits are told one by one."""


def needs_restart(started: Settings, wanted: Settings) -> tuple[str, ...]:
    """What a policy wants otherwise than the gateway was started with, and does not get."""
    found = ["state"] if started.state != wanted.state else []
    if (started.admin_keys is None) != (wanted.admin_keys is None):
        found.append("admin_keys")
    before, after = started.listen, wanted.listen
    found += [f"listen.{name}" for name in _differing(before, after) if name not in _LIVE]
    found += [f"listen.limits.{name}" for name in _differing(before.limits, after.limits) if name not in _LIVE]
    return tuple(found)


def _differing(before: Part, after: Part) -> list[str]:
    return [name for name in type(before).model_fields if getattr(before, name) != getattr(after, name)]


async def at_leisure(work: Work[T], clock: Clock) -> T:
    """What comes of the work, with a rest for others after each slice."""
    while True:
        until = clock.monotonic() + SLICE
        while clock.monotonic() < until:
            try:
                next(work)
            except StopIteration as end:
                result: T = end.value
                return result
        await asyncio.sleep(SLICE)


class Reloads:
    """Reloads the policy of one gateway. `settled` is told of every load, good or not."""

    def __init__(
        self,
        loader: Loader,
        loaded: Loaded,
        settings: Settings,
        live: Live,
        clock: Clock,
        journal: Journal,
        settled: Callable[[Loaded], None],
        files: Files,
    ) -> None:
        self._loader = loader
        self._started = self.settings = settings
        self._live = live
        self._clock = clock
        self._journal = journal
        self._settled = settled
        self._files = self._good = files
        self._lapse = loaded.lapse
        self._turn = asyncio.Lock()
        self._due = asyncio.Event()
        self._anyway = ""
        self.sources: Sequence[str] = list(loaded.sources)
        self.loaded_at = clock.wall()
        self.last = Attempt(self.loaded_at, True, "start", live.generation.policy)

    @property
    def lapse(self) -> float | None:
        """When the next exception expires, in seconds since 1970."""
        return self._lapse

    def ask(self, anyway: str = "") -> None:
        """The files may have changed: look soon, from `run`. `anyway`: who wants a reload even if they did not."""
        self._anyway = anyway or self._anyway
        self._due.set()

    async def run(self) -> None:
        """Looks when it is asked, until it is cancelled."""
        while True:
            lapses = await self._wait()
            self._due.clear()
            by, self._anyway = self._anyway, ""
            try:
                await (self._lapsed() if lapses else self.reload(by) if by else self._look())
            except Exception:
                log.exception("the policy could not be looked at")

    async def reload(self, by: str) -> Attempt:
        """Loads what the files say, whether they changed or not. `by`: who asked."""
        async with self._turn:
            return await self._load(await asyncio.to_thread(self._loader.read), by)

    async def _wait(self) -> bool:
        """Until somebody asks, or an exception expires; whether that is why. The clock may be set meanwhile."""
        while True:
            left = math.inf if self._lapse is None else self._lapse - self._clock.wall()
            if left <= 0:
                return True
            try:
                await asyncio.wait_for(self._due.wait(), min(left, _LONGEST_WAIT))
                return False
            except TimeoutError:
                continue

    async def _lapsed(self) -> None:
        """An exception expired: the policy without it, of the last good files where those on disk are not good."""
        self._lapse = self._clock.wall() + _LONGEST_WAIT
        async with self._turn:
            attempt = await self._load(await asyncio.to_thread(self._loader.read), LAPSE)
            if not attempt.success:
                found = self._files
                again = await self._load(self._good, LAPSE)
                self._files = found
                self.last = replace(attempt, policy=again.policy)

    async def _look(self) -> None:
        """Reloads where a file says something else than when it was last looked at, the last attempt failed or not."""
        async with self._turn:
            files = await asyncio.to_thread(self._loader.read)
            if _said(files) != _said(self._files) or await at_leisure(self._loader.moved(), self._clock):
                await self._load(files, "change")

    async def _load(self, files: Files, by: str) -> Attempt:
        self._files = files
        with uncollected():
            loaded = await at_leisure(self._loader.loading(files), self._clock)
            settle_more()  # before the collector is on again, or it would look through all of it at once
        if loaded.generation is None or loaded.gateway is None:
            self._settled(loaded)
            self.last = self._failed(loaded, by)
            return self.last
        for warning in loaded.diagnostics:
            log.warning("%s %s: %s", warning.span, warning.code.name, warning.message)
        before, self.settings = self._live.generation.policy, loaded.gateway
        self._live.put(loaded.generation)
        self._settled(loaded)
        self._good, self._lapse = files, loaded.lapse
        self.sources, self.loaded_at = list(loaded.sources), self._clock.wall()
        kept = needs_restart(self._started, loaded.gateway)
        self.last = Attempt(self.loaded_at, True, by, loaded.generation.policy, needs_restart=kept)
        self._tell(before)
        return self.last

    def _tell(self, before: str) -> None:
        last = self.last
        told = {"policy": last.policy, "before": before, "by": last.by}
        log.info("the policy is reloaded: %s", last.policy, extra=told)
        if last.needs_restart:
            log.warning("kept as it was until the next start: %s", ", ".join(last.needs_restart))
        self._journal.note(RELOAD, last.policy, before=before, by=last.by, needs_restart=list(last.needs_restart))

    def _failed(self, loaded: Loaded, by: str) -> Attempt:
        policy, report, summary = self._live.generation.policy, loaded.report(), loaded.summary()
        said = "the changed policy is wrong, the last good one stands: %s\n%s"
        log.error(said, summary, report, extra={"policy": policy})
        self._journal.note(RELOAD, policy, failure=summary, by=by, errors=loaded.diagnostics.errors)
        return Attempt(self._clock.wall(), False, by, policy, report, summary, self.last.needs_restart)


def watch_reloads(meter: PrometheusMeter, reloads: Reloads) -> None:
    """How the last attempt went, and when the policy that is live was loaded."""
    meter.watch(
        "kapagate_config_reload_success",
        "Whether the last attempt to load the policy succeeded.",
        lambda: float(reloads.last.success),
    )
    meter.watch(
        "kapagate_config_last_success_timestamp_seconds",
        "When the policy that is live was loaded, in Unix seconds.",
        lambda: reloads.loaded_at,
    )


def watch_lapses(meter: PrometheusMeter, reloads: Reloads) -> None:
    """When the next exception expires; 0 where there is none."""
    meter.watch(
        "kapagate_exception_next_expiry_timestamp_seconds",
        "When the next exception of the policy expires, in Unix seconds; 0 without any.",
        lambda: reloads.lapse or 0.0,
    )


def _said(files: Files) -> list[object]:
    sources, found = files
    return [*((source.name, source.text) for source in sources), *found]
