"""The composition root: opens everything that stands behind a port, and closes it in the reverse order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from kapagate import __version__
from kapagate.access.hosts import Hosts, host_of, is_loopback
from kapagate.access.roles import Roles
from kapagate.chain.clock import Clock, Ids
from kapagate.chain.entry import Entry
from kapagate.chain.forwarded import TrustedHops
from kapagate.chain.generation import Live
from kapagate.chain.hop import Hops
from kapagate.chain.meter import Meter
from kapagate.chain.problem import Problem
from kapagate.chain.services import Services
from kapagate.chain.watched import Watched
from kapagate.identity.key_sets import KeySets
from kapagate.identity.published import PublishedKeys
from kapagate.identity.replays import Replays
from kapagate.kapa.ownership import Owners
from kapagate.ledger.journal import START, STOP, Journal
from kapagate.ledger.ledger import Ledger
from kapagate.machine.clock import SystemClock
from kapagate.machine.ids import SystemIds
from kapagate.machine.process import check_file
from kapagate.policy.gateway import Address, Listen, Socket, State, Tls, UnixAddress
from kapagate.policy.gateway import Gateway as Settings
from kapagate.policy.interpolation import Resolve
from kapagate.policy.load import Loaded, load_policy
from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.certificates import CertificateFiles, Certificates
from kapagate.proxy.egress import allowed
from kapagate.proxy.hops import PooledHops
from kapagate.proxy.listener import Listener
from kapagate.proxy.unix import UnixSocket
from kapagate.remote.documents import Documents
from kapagate.remote.key_sets import ProviderKeySets
from kapagate.remote.watched import WatchedFiles
from kapagate.schemes.api_key import ApiKey
from kapagate.stores.memory import MemoryBuckets
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.ring import MemoryLedger
from kapagate.stores.sqlite import SqliteLedger
from kapagate.stores.sqlite_owners import SqliteOwners
from kapagate.stores.sqlite_replays import SqliteReplays
from kapagate.telemetry.access import AccessLog
from kapagate.telemetry.gauges import watch_audit, watch_key_sets, watch_policy, watch_upstreams
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.traffic.buckets import Buckets
from kapagate.web.admin import Access, admin_routes
from kapagate.web.config import ConfigView, view_of
from kapagate.web.credentials import Credentials
from kapagate.web.doors import open_doors
from kapagate.web.endpoints import Document, implemented, serves
from kapagate.web.health import Check, key_set_check, ledger_check, owners_check, replays_check, upstream_check
from kapagate.web.probe import Lifecycle, Probe

log = logging.getLogger(__name__)


class InvalidPolicy(Exception):
    """The policy has errors; `loaded` tells all of them."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded.summary())
        self.loaded = loaded


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses that win over the policy's `listen`."""

    data: Address | UnixAddress | None = None
    probe: Address | None = None
    admin: Address | None = None


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

    @classmethod
    def started(cls) -> Machine:
        clock = SystemClock()
        key_sets = ProviderKeySets(Documents(allowed), clock)
        meter, hops = PrometheusMeter(), PooledHops(clock)
        return cls(clock, SystemIds(), meter, hops, key_sets, PublishedKeys(), WatchedFiles(meter))

    def services(self, ledger: Ledger, replays: Replays | None = None, owners: Owners | None = None) -> Services:
        ports: dict[type, object] = {
            Clock: self.clock,
            Ids: self.ids,
            Meter: self.meter,
            Hops: self.hops,
            KeySets: self.key_sets,
            PublishedKeys: self.published,
            Buckets: MemoryBuckets(self.clock),
            Watched: self.watched,
            Ledger: ledger,
            Replays: replays or MemoryReplays(self.clock),
            Owners: MemoryOwners(self.clock) if owners is None else owners,
        }
        return Services(ports)


def offline(paths: Sequence[Path], resolve: Resolve) -> Loaded:
    """The policy as `kapagate check` loads it: everything is compiled, nothing is opened."""
    machine = Machine.started()
    endpoints = implemented(_nothing_runs, (), machine.clock, MemoryLedger)
    return load_policy(paths, resolve, lambda settings: machine.services(MemoryLedger()), serves=serves(endpoints))


def _nothing_runs() -> ConfigView:
    raise LookupError("no generation runs here")


class Gateway:
    """A gateway that serves."""

    def __init__(
        self,
        settings: Settings,
        listener: Listener,
        data_url: str,
        doors: Sequence[Address],
        ledger: Ledger,
        life: Lifecycle,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self.data_url = data_url
        self._doors = doors
        self.ledger = ledger
        self.lifecycle = life

    @property
    def admin_url(self) -> str:
        return f"http://{self._doors[0]}"

    @property
    def probe_url(self) -> str:
        return f"http://{self._doors[-1]}"

    @property
    def drain_delay(self) -> float:
        """Seconds to serve on after `/readyz` has begun to say no."""
        return self._settings.listen.shutdown.drain_delay

    async def drain(self) -> None:
        """Takes nothing new, and finishes what runs within the policy's `shutdown.timeout`."""
        self.lifecycle.draining = True
        self._listener.stop_accepting()
        await self._listener.drain(self._settings.listen.shutdown.timeout)


@asynccontextmanager
async def open_gateway(
    paths: Sequence[Path], resolve: Resolve, addresses: Addresses, log_stream: BinaryIO | None = None
) -> AsyncIterator[Gateway]:
    """Loads a policy and serves it until the block is left. Raises InvalidPolicy, OSError (an address is taken).

    One line per exchange goes to `log_stream` where it is given.
    """
    machine, life = Machine.started(), Lifecycle()
    ledger: MemoryLedger | SqliteLedger = MemoryLedger()
    replays: MemoryReplays | SqliteReplays = MemoryReplays(machine.clock)
    owners: MemoryOwners | SqliteOwners = MemoryOwners(machine.clock)
    checks: list[Check] = []

    def offer(settings: Settings) -> Services:
        nonlocal ledger, replays, owners
        ledger = _ledger(settings.state, machine.clock)
        replays = _replays(settings.state, machine)
        owners = _owners(settings.state, machine.clock)
        return machine.services(ledger, replays, owners)

    endpoints = implemented(
        lambda: view_of(live.generation, list(loaded.sources), loaded_at), checks, machine.clock, lambda: ledger
    )
    loaded_at = machine.clock.wall()
    loaded = load_policy(paths, resolve, offer, serves=serves(endpoints))
    if loaded.generation is None or loaded.gateway is None:
        raise InvalidPolicy(loaded)
    for warning in loaded.diagnostics:
        log.warning("%s %s: %s", warning.span, warning.code.name, warning.message)
    live = Live(loaded.generation)
    async with AsyncExitStack() as stack:
        stack.callback(machine.hops.close)
        stack.callback(asyncio.create_task(machine.watched.run()).cancel)
        stack.push_async_callback(machine.key_sets.close)
        machine.key_sets.start()
        if isinstance(ledger, SqliteLedger):
            check_file(Path(loaded.gateway.state.path or ""))
            await ledger.start()
        stack.push_async_callback(ledger.close)
        journal = Journal(ledger, machine.clock, machine.ids)
        journal.note(START, live.generation.policy, version=__version__, files=[str(each) for each in loaded.sources])
        stack.callback(lambda: journal.note(STOP, live.generation.policy))
        if isinstance(replays, SqliteReplays):
            stack.push_async_callback(replays.close)
        if isinstance(owners, SqliteOwners):
            await owners.start()
            stack.push_async_callback(owners.close)
        checks += [ledger_check(ledger), owners_check(owners), replays_check(replays)]
        checks.extend(upstream_check(hop.pool.endpoint.name, hop, machine.clock) for hop in machine.hops)
        checks.extend(key_set_check(source.host, source) for source in machine.key_sets)
        _watch(machine, ledger, live)
        access_log = _access_log(log_stream, stack)
        limits, hops = loaded.gateway.listen.limits, _hops(loaded.gateway)
        ports = machine.clock, machine.ids, access_log
        entry = Entry(live, *ports, limits.exchanges, hops, limits.exchanges_per_tenant)
        data = addresses.data or loaded.gateway.listen.data
        listener = await _listening(loaded.gateway.listen, data, entry, machine, stack)
        doors = await _doors(loaded.gateway, addresses, machine, life, checks, endpoints, journal, stack)
        life.serving = True
        yield Gateway(loaded.gateway, listener, _url(data, listener), doors, ledger, life)


def _watch(machine: Machine, ledger: Ledger, live: Live) -> None:
    watch_upstreams(machine.meter, lambda: [(hop.pool.endpoint.name, hop.pool) for hop in machine.hops])
    watch_audit(machine.meter, ledger)
    watch_key_sets(machine.meter, machine.key_sets)
    watch_policy(machine.meter, lambda: live.generation.policy)


def _hops(settings: Settings) -> TrustedHops | None:
    networks = settings.listen.trusted_hops
    return TrustedHops(networks) if networks else None


def _ledger(state: State, clock: Clock) -> MemoryLedger | SqliteLedger:
    return SqliteLedger(Path(state.path), clock) if state.path else MemoryLedger()


def _replays(state: State, machine: Machine) -> MemoryReplays | SqliteReplays:
    """Beside the audit's file: each has its own thread, and one that is damaged takes none other along."""
    if state.path is None:
        return MemoryReplays(machine.clock)
    return SqliteReplays(Path(f"{state.path}.replays"), machine.clock, machine.ids())


def _owners(state: State, clock: Clock) -> MemoryOwners | SqliteOwners:
    return SqliteOwners(Path(f"{state.path}.owners"), clock) if state.path else MemoryOwners(clock)


def _access_log(stream: BinaryIO | None, stack: AsyncExitStack) -> AccessLog | None:
    if stream is None:
        return None
    access_log = AccessLog(stream)
    stack.callback(access_log.flush)
    return access_log


async def _listening(
    listen: Listen, data: Address | UnixAddress, entry: Entry, machine: Machine, stack: AsyncExitStack
) -> Listener:
    refusals = machine.meter.counter(
        "kapagate_unadmitted_total", "Requests refused before they became an exchange.", ["problem"]
    )

    def refused(problem: Problem, client: str) -> None:
        refusals.labels(problem.kind.name).inc()
        fields = {"client": client, "correlation_id": problem.correlation_id}
        log.info("refused before it became an exchange: %s", problem.kind.name, extra=fields)

    limits = Limits(head=listen.limits.head, connections=listen.limits.connections)
    patience = listen.deadlines
    listener = Listener(
        entry,
        data.host if isinstance(data, Address) else _unix_socket(data, listen.socket),
        data.port if isinstance(data, Address) else 0,
        clock=machine.clock,
        limits=limits,
        deadlines=Deadlines(patience.head, patience.body_idle, patience.reader, patience.keep_alive),
        refused=refused,
        certificates=_certificates(listen.tls) if listen.tls else None,
        hosts=_hosts(listen, data),
    )
    await listener.start()
    if isinstance(data, Address) and not is_loopback(data.host) and listen.tls is None:
        log.warning("data is open to other machines without TLS: see listen.tls", extra={"address": str(data)})
    stack.push_async_callback(listener.drain, 0.0)
    stack.callback(listener.stop_accepting)
    machine.meter.watch("kapagate_connections", "Open connections of clients.", lambda: listener.active)
    return listener


def _url(data: Address | UnixAddress, listener: Listener) -> str:
    if isinstance(data, UnixAddress):
        return str(data)
    return f"{'https' if listener.terms.secure else 'http'}://{Address(*listener.address)}"


def _unix_socket(data: UnixAddress, declared: Socket) -> UnixSocket:
    return UnixSocket(Path(data.path), int(declared.mode, 8), declared.owner, declared.group)


def _certificates(tls: Tls) -> Certificates:
    client_ca = Path(tls.client_ca) if tls.client_ca else None
    return Certificates(CertificateFiles(Path(tls.certificate), Path(tls.key), client_ca))


def _hosts(listen: Listen, data: Address | UnixAddress) -> Hosts | None:
    """The names that `data` answers to; None for any. No page can reach a unix socket."""
    if isinstance(data, UnixAddress) or not (listen.hosts or is_loopback(data.host)):
        return None
    public = host_of(urlsplit(listen.public_url).netloc) if listen.public_url else ""
    return Hosts([*listen.hosts, *([public] if public else [])])


async def _doors(
    settings: Settings,
    addresses: Addresses,
    machine: Machine,
    life: Lifecycle,
    checks: Sequence[Check],
    endpoints: Mapping[str, Document],
    journal: Journal,
    stack: AsyncExitStack,
) -> list[Address]:
    listen, meter = settings.listen, machine.meter
    probe = Probe(life, checks, machine.clock, __version__, meter.render, meter.content_type, machine.published)
    access = _access(settings, machine.clock)
    doors = await open_doors(
        addresses.probe or listen.probe,
        addresses.admin or listen.admin,
        probe.routes(),
        admin_routes(endpoints, access, journal, machine.clock),
        guarded=access is not None,
    )
    for door in doors:
        stack.push_async_callback(door.close)
    return [door.address for door in doors]


def _access(settings: Settings, clock: Clock) -> Access | None:
    keys = settings.admin_keys
    if not isinstance(keys, ApiKey):
        return None
    return Credentials(keys.header, keys.pepper, keys.keys, Roles(settings.roles), clock).access()
