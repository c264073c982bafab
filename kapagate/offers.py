"""What the composition root offers to policies: opened once, handed to every load, kept while a live one uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kapagate.chain.clock import Clock, Ids
from kapagate.chain.hop import Endpoint, Hops
from kapagate.chain.meter import Meter
from kapagate.chain.services import Services
from kapagate.chain.watched import Watched
from kapagate.identity.key_sets import KeySets
from kapagate.identity.published import PublishedKeys
from kapagate.identity.replays import Replays
from kapagate.kapa.ownership import Owners
from kapagate.ledger.ledger import Ledger
from kapagate.machine.clock import SystemClock
from kapagate.machine.ids import SystemIds
from kapagate.proxy.egress import allowed
from kapagate.proxy.hops import PooledHop, PooledHops
from kapagate.remote.documents import Documents
from kapagate.remote.key_sets import ProviderKeys, ProviderKeySets
from kapagate.remote.watched import WatchedFiles
from kapagate.stores.memory import MemoryBuckets
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.sqlite_owners import SqliteOwners
from kapagate.stores.sqlite_replays import SqliteReplays
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.traffic.buckets import Buckets


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered beyond a request: records, webhooks, whose threads and answers are whose."""

    ledger: Ledger
    replays: MemoryReplays | SqliteReplays
    owners: MemoryOwners | SqliteOwners


@dataclass(frozen=True, slots=True)
class HopsTaken:
    """`Hops` that know what they handed out."""

    hops: PooledHops
    taken: set[PooledHop] = field(default_factory=set)

    def open(self, endpoint: Endpoint) -> PooledHop:
        hop = self.hops.open(endpoint)
        self.taken.add(hop)
        return hop


@dataclass(frozen=True, slots=True)
class KeySetsTaken:
    """`KeySets` that know what they handed out."""

    key_sets: ProviderKeySets
    taken: set[ProviderKeys] = field(default_factory=set)

    def open(self, url: str, algorithms: Sequence[str], ca_file: str | None) -> ProviderKeys:
        source = self.key_sets.open(url, algorithms, ca_file)
        self.taken.add(source)
        return source


@dataclass(frozen=True, slots=True)
class Offer:
    """What one Gateway document was offered, and what it took of it."""

    services: Services
    hops: HopsTaken
    key_sets: KeySetsTaken
    published: PublishedKeys


@dataclass(frozen=True, slots=True)
class Machine:
    """What every gateway of this process stands on."""

    clock: Clock
    ids: Ids
    meter: PrometheusMeter
    hops: PooledHops
    key_sets: ProviderKeySets
    published: PublishedKeys
    watched: WatchedFiles
    buckets: MemoryBuckets

    @classmethod
    def started(cls) -> Machine:
        clock = SystemClock()
        key_sets = ProviderKeySets(Documents(allowed), clock)
        meter, hops = PrometheusMeter(), PooledHops(clock)
        watched = WatchedFiles(meter)
        return cls(clock, SystemIds(), meter, hops, key_sets, PublishedKeys(), watched, MemoryBuckets(clock))

    def offer(self, state: Remembered) -> Offer:
        """A new one for every load of a Gateway document; all of them share what they stand on."""
        hops, key_sets, published = HopsTaken(self.hops), KeySetsTaken(self.key_sets), PublishedKeys()
        ports: dict[type, object] = {
            Clock: self.clock,
            Ids: self.ids,
            Meter: self.meter,
            Hops: hops,
            KeySets: key_sets,
            PublishedKeys: published,
            Buckets: self.buckets,
            Watched: self.watched,
            Ledger: state.ledger,
            Replays: state.replays,
            Owners: state.owners,
        }
        return Offer(Services(ports), hops, key_sets, published)

    def keep(self, offer: Offer) -> None:
        """This is the one in use: what only others took is let go of."""
        self.hops.keep(offer.hops.taken)
        self.key_sets.keep(offer.key_sets.taken)
        self.published.become(offer.published)
