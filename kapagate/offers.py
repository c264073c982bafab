"""What the composition root offers to policies, opened once and handed to every load; and what follows from the one
that is in use.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from kapagate.access.roles import Roles
from kapagate.chain.clock import Clock, Ids
from kapagate.chain.entry import Entry
from kapagate.chain.hop import Endpoint, Hops
from kapagate.chain.meter import Meter
from kapagate.chain.principal import NO_TENANT
from kapagate.chain.services import Services
from kapagate.chain.watched import Watched
from kapagate.identity.key_sets import KeySets
from kapagate.identity.published import PublishedKeys
from kapagate.identity.replays import Replays
from kapagate.kapa.ownership import Owners
from kapagate.ledger.ledger import Ledger
from kapagate.ledger.shadows import Shadows
from kapagate.machine.clock import SystemClock
from kapagate.machine.ids import SystemIds
from kapagate.policy.gateway import Gateway as Settings
from kapagate.policy.gateway import Log
from kapagate.policy.load import Loaded
from kapagate.policy.retention import retention_of
from kapagate.proxy.egress import allowed
from kapagate.proxy.hops import PooledHop, PooledHops
from kapagate.remote.documents import Documents
from kapagate.remote.key_sets import ProviderKeys, ProviderKeySets
from kapagate.remote.watched import WatchedFiles
from kapagate.schemes.api_key import ApiKey
from kapagate.stores.memory import MemoryBuckets
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.sqlite_owners import SqliteOwners
from kapagate.stores.sqlite_replays import SqliteReplays
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.telemetry.verbosity import Verbosity
from kapagate.traffic.buckets import Buckets
from kapagate.web.admin import Access, Guard
from kapagate.web.credentials import Credentials
from kapagate.web.health import Check, key_set_check, ledger_check, owners_check, replays_check, upstream_check


class Remembered(Struct, frozen=True):
    """What is remembered beyond a request: records, webhooks, whose threads and answers are whose."""

    ledger: Ledger
    replays: MemoryReplays | SqliteReplays
    owners: MemoryOwners | SqliteOwners


class HopsTaken(Struct, frozen=True):
    """`Hops` that know what they handed out."""

    hops: PooledHops
    taken: set[PooledHop] = field(default_factory=set)

    def open(self, endpoint: Endpoint) -> PooledHop:
        hop = self.hops.open(endpoint)
        self.taken.add(hop)
        return hop


class KeySetsTaken(Struct, frozen=True):
    """`KeySets` that know what they handed out."""

    key_sets: ProviderKeySets
    taken: set[ProviderKeys] = field(default_factory=set)

    def open(self, url: str, algorithms: Sequence[str], ca_file: str | None) -> ProviderKeys:
        source = self.key_sets.open(url, algorithms, ca_file)
        self.taken.add(source)
        return source


class Offer(Struct, frozen=True):
    """What one Gateway document was offered, and what it took of it."""

    services: Services
    hops: HopsTaken
    key_sets: KeySetsTaken
    published: PublishedKeys


class Machine(Struct, frozen=True):
    """What every gateway of this process stands on."""

    clock: Clock
    ids: Ids
    meter: PrometheusMeter
    hops: PooledHops
    key_sets: ProviderKeySets
    published: PublishedKeys
    watched: WatchedFiles
    buckets: MemoryBuckets
    shadows: Shadows

    @classmethod
    def started(cls) -> Machine:
        clock = SystemClock()
        key_sets = ProviderKeySets(Documents(allowed), clock)
        meter, hops = PrometheusMeter(), PooledHops(clock)
        watched = WatchedFiles(meter)
        buckets, shadows = MemoryBuckets(clock), Shadows(clock.wall())
        return cls(clock, SystemIds(), meter, hops, key_sets, PublishedKeys(), watched, buckets, shadows)

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


class Use(Struct):
    """What the policy in use took, and what follows from it beside the data plane."""

    offers: list[Offer]
    machine: Machine
    state: Remembered
    checks: list[Check]
    guard: Guard
    verbosity: Verbosity
    used: Offer | None = None
    entry: Entry | None = None

    def settle(self, loaded: Loaded) -> None:
        """After a load: keeps what the good one took, or what the last good one did."""
        if loaded.gateway is not None and self.offers:
            self.used = self.offers[-1]
        self.offers.clear()
        if self.used is not None:
            self.machine.keep(self.used)
        if loaded.gateway is not None:
            self.machine.key_sets.start()
            self.guard.become(access_to(loaded.gateway, self.machine.clock))
            self.checks[:] = self._dependencies()
            self._tell(loaded.gateway.log)
        if loaded.generation is not None:
            loaded.generation.watcher = self.machine.shadows
            self.machine.shadows.keep(loaded.generation)
            self.state.ledger.retain(retention_of(loaded.generation))
            self.machine.meter.show("tenant_id", {*loaded.generation.tenants, NO_TENANT.name})

    def _tell(self, wanted: Log) -> None:
        self.verbosity.become(wanted.level, wanted.sampling)
        if self.entry is not None:
            self.entry.finished = self.verbosity.finished

    def _dependencies(self) -> list[Check]:
        state, clock = self.state, self.machine.clock
        hops, key_sets = (self.used.hops.taken, self.used.key_sets.taken) if self.used else ((), ())
        upstreams = [upstream_check(hop.pool.endpoint.name, hop, clock) for hop in hops]
        keys = [key_set_check(source.host, source) for source in key_sets]
        stores = [ledger_check(state.ledger), owners_check(state.owners), replays_check(state.replays)]
        return [*stores, *sorted((*upstreams, *keys), key=lambda check: check.name)]


def access_to(settings: Settings, clock: Clock) -> Access | None:
    """Who may ask the admin port, as a policy says; None: it has no keys."""
    keys = settings.admin_keys
    if not isinstance(keys, ApiKey):
        return None
    return Credentials(keys.header, keys.pepper, keys.keys, Roles(settings.roles), clock).access()
