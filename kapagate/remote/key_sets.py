"""Key sets of identity providers, by URL.

A set is fetched when the gateway starts and again when it is no longer fresh, by one task per URL; a token that names a
key that the set has not makes one more fetch. Between two fetches lie at least 30 seconds, whatever tokens say, and
whoever waits for one waits for the same one. When the provider fails, the last set serves for up to a day. A key that
leaves the set raises the `revision`, so that nobody is remembered who was verified with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from importlib import import_module
from urllib.parse import urlsplit

from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.problem import Problem
from kapagate.identity.key_sets import KeySet
from kapagate.remote.documents import Documents, Unavailable

FLOOR = 30.0
"""Seconds between two fetches, at least."""
FRESH = 600.0
"""Seconds after which a set is fetched again whose server says nothing of it."""
LONGEST_FRESH = 3600.0
SERVED_FOR = 86_400.0
"""Seconds for which the last set serves when no newer one can be had."""

MOST_WAITING = 256
"""Requests that wait for one fetch, at most: a provider that hangs must not hold all places of the gateway."""

Wait = Callable[[float], Awaitable[None]]
log = logging.getLogger(__name__)


class ProviderKeys:
    """The keys at one URL: a `KeySource`. `failure` says why the last fetch failed; empty when it did not."""

    def __init__(
        self, url: str, algorithms: Sequence[str], ca_file: str | None, documents: Documents, clock: Clock
    ) -> None:
        self.url = url
        self.failure = "it has not been asked yet"
        self._algorithms = tuple(algorithms)
        self._ca_file = ca_file
        self._documents = documents
        self._clock = clock
        self._revision = 0
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._asked_at: float | None = None
        self._fresh = FRESH
        self._flight: asyncio.Task[None] | None = None
        self._waiting = 0

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def age(self) -> float | None:
        """Seconds since the set was fetched; None where there is none in force. Any thread may ask."""
        age = self._clock.monotonic() - self._fetched_at
        return age if self._keys is not None and age < SERVED_FOR else None

    def __len__(self) -> int:
        keys = self._keys
        return len(keys) if keys is not None and self.age is not None else 0

    def revision(self) -> int:
        return self._revision

    async def key_set(self) -> KeySet:
        keys = self._in_force()
        if keys is None:
            await self._asked()
            keys = self._in_force()
        if keys is None:
            raise self._unavailable()
        return keys

    async def newer(self, than: KeySet) -> KeySet:
        if self._in_force() is than:
            await self._asked()
            if self.failure:
                raise self._unavailable()
        return await self.key_set()

    async def ask(self) -> None:
        """Fetches the set, or waits for whoever does; nothing when the last fetch was a moment ago. Never fails."""
        if self._flight is None or self._flight.done():
            if self._wait_left() > 0:
                return
            self._asked_at = self._clock.monotonic()
            self._flight = asyncio.get_running_loop().create_task(self._fetch(), name=f"key set of {self.host}")
        await asyncio.shield(self._flight)

    async def _asked(self) -> None:
        """As `ask`, for one of a bounded number. Raises Problem."""
        if self._waiting >= MOST_WAITING:
            raise self._unavailable()
        self._waiting += 1
        try:
            await self.ask()
        finally:
            self._waiting -= 1

    async def keep_fresh(self, wait: Wait) -> None:
        """Asks whenever it is time to; ends when it is cancelled."""
        while True:
            await self.ask()
            await wait(self._until_stale())

    async def stop(self) -> None:
        """Gives up the fetch that is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    async def _fetch(self) -> None:
        try:
            fetched = await self._documents.fetch(self.url, self._ca_file)
            keys = KeySet.published(fetched.document, self._algorithms)
        except (Unavailable, ValueError) as cause:
            self._note_failure(str(cause))
            return
        except Exception:
            log.exception("fetching the key set at %s failed", self.url)
            self.failure = "the gateway failed to fetch it"
            return
        self._in_force()
        if self._keys is not None and not keys.has_all_of(self._keys):
            self._revision += 1
        if self.failure or keys.faults != (self._keys.faults if self._keys else ()):
            log.info("the key set at %s has %d keys in use", self.url, len(keys), extra={"passed_over": keys.faults})
        self._keys, self._fetched_at, self.failure = keys, self._clock.monotonic(), ""
        fresh = FRESH if fetched.max_age is None else fetched.max_age
        self._fresh = min(max(fresh, 2 * FLOOR), LONGEST_FRESH)

    def _note_failure(self, cause: str) -> None:
        if cause != self.failure:
            log.warning("the key set at %s cannot be had: %s", self.url, cause)
        self.failure = cause

    def _in_force(self) -> KeySet | None:
        """The set, unless it is too old to be believed; then it is forgotten, and everybody verified with it."""
        if self._keys is not None and self._clock.monotonic() - self._fetched_at >= SERVED_FOR:
            self._keys = None
            self._revision += 1
        return self._keys

    def _until_stale(self) -> float:
        """Seconds until the next fetch is due."""
        self._in_force()
        left = 0.0 if self.failure else self._fetched_at + self._fresh - self._clock.monotonic()
        return max(left, self._wait_left())

    def _wait_left(self) -> float:
        """Seconds until the provider may be asked again."""
        return 0.0 if self._asked_at is None else self._asked_at + FLOOR - self._clock.monotonic()

    def _unavailable(self) -> Problem:
        detail = "the identity provider cannot be asked for its keys"
        return Problem(problems.IDENTITY_PROVIDER_UNAVAILABLE, detail, retry_after=max(1.0, self._wait_left()))


class ProviderKeySets:
    """All sets that policies name; `run.py` starts it and closes it. `wait` is how time is let pass."""

    def __init__(self, documents: Documents, clock: Clock, wait: Wait = asyncio.sleep) -> None:
        self._documents = documents
        self._clock = clock
        self._wait = wait
        self._sources: dict[tuple[str, tuple[str, ...], str | None], ProviderKeys] = {}
        self._tasks: dict[ProviderKeys, asyncio.Task[None]] = {}

    def open(self, url: str, algorithms: Sequence[str], ca_file: str | None) -> ProviderKeys:
        if not self._documents.may_be_asked(url):
            raise ValueError("link-local and metadata addresses are never asked: machines keep their credentials there")
        import_module("kapagate.identity.public_keys")  # now, not while a request waits for the first set
        key = (url, tuple(algorithms), ca_file)
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = ProviderKeys(url, algorithms, ca_file, self._documents, self._clock)
        return source

    def __iter__(self) -> Iterator[ProviderKeys]:
        return iter(self._sources.values())

    def start(self) -> None:
        """Begins to fetch every set that was opened and is not fetched yet; waits for none."""
        for source in self:
            if source not in self._tasks:
                loop = asyncio.get_running_loop()
                self._tasks[source] = loop.create_task(source.keep_fresh(self._wait), name=f"keys of {source.host}")

    def keep(self, sources: Collection[object]) -> None:
        """No others are fetched again. Whoever has one may still ask it."""
        for key, source in tuple(self._sources.items()):
            if source not in sources:
                del self._sources[key]
                if task := self._tasks.pop(source, None):
                    task.cancel()

    async def close(self) -> None:
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for source in self:
            await source.stop()
