"""The composition root: opens everything that stands behind a port, and closes it in the reverse order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from kapagate import __version__
from kapagate.access.hosts import Hosts, host_of, is_loopback
from kapagate.chain.entry import Entry
from kapagate.chain.forwarded import TrustedHops
from kapagate.chain.generation import Generation, Live
from kapagate.chain.problem import Problem
from kapagate.chain.route import Serve
from kapagate.chain.services import Services
from kapagate.ledger.journal import START, STOP, Journal
from kapagate.ledger.ledger import Ledger
from kapagate.machine.process import check_file
from kapagate.offers import Machine, Offer, Remembered, Use, access_to
from kapagate.policy.build import Offer as Offered
from kapagate.policy.documents import Document as Read
from kapagate.policy.elsewhere import note_elsewhere
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import Address, Listen, Socket, State, Tls, UnixAddress
from kapagate.policy.gateway import Gateway as Settings
from kapagate.policy.interpolation import Resolve
from kapagate.policy.load import GATEWAY_ALONE, Layers, Loaded, load_documents, load_policy
from kapagate.policy.loader import Loader
from kapagate.policy.work import done
from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.certificates import CertificateFiles, Certificates
from kapagate.proxy.listener import Listener
from kapagate.proxy.unix import UnixSocket
from kapagate.reload import Reloads, watch_lapses, watch_reloads
from kapagate.remote.watch import Watch
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.ring import MemoryLedger
from kapagate.stores.sqlite import SqliteLedger
from kapagate.stores.sqlite_owners import SqliteOwners
from kapagate.stores.sqlite_replays import SqliteReplays
from kapagate.telemetry.gauges import watch_audit, watch_key_sets, watch_policy, watch_upstreams
from kapagate.telemetry.verbosity import SILENT, Verbosity
from kapagate.web.admin import Guard, admin_routes
from kapagate.web.config import Attempt, ConfigView, view_of
from kapagate.web.doors import open_doors
from kapagate.web.endpoints import Document, implemented, serves
from kapagate.web.health import Check
from kapagate.web.probe import Lifecycle, Probe

log = logging.getLogger(__name__)


class InvalidPolicy(Exception):
    """The policy has errors; `loaded` tells all of them."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded.summary())
        self.loaded = loaded


class Addresses(Struct, frozen=True):
    """Addresses that win over the policy's `listen`."""

    data: Address | UnixAddress | None = None
    probe: Address | None = None
    admin: Address | None = None


def offline(paths: Sequence[Path], resolve: Resolve, layers: Layers = GATEWAY_ALONE) -> Loaded:
    """The policy as commands load it: everything is compiled, nothing is opened."""
    return _offline(lambda offer, known: load_policy(paths, resolve, offer, serves=known, layers=layers))


def _offline(load: Callable[[Offered, Mapping[str, Serve]], Loaded]) -> Loaded:
    machine = Machine.started()
    state = _remembered(State(None), machine)
    endpoints = implemented(
        _nothing_runs, (), machine.clock, MemoryLedger, _nothing_loads, _no_generation, machine.shadows
    )
    return load(lambda settings: machine.offer(state).services, serves(endpoints))


def offline_everywhere(paths: Sequence[Path], resolve: Resolve, layers: Layers = GATEWAY_ALONE) -> Loaded:
    """The same, with what is wrong in environments that were not picked."""
    loaded = offline(paths, resolve, layers)

    def lay(documents: Sequence[Read], name: str) -> Loaded:
        return _offline(
            lambda offer, known: load_documents(
                documents, {}, Diagnostics(), resolve, offer, serves=known, layers=Layers(name, layers.now)
            )
        )

    note_elsewhere(loaded, layers.environment, lay)
    return loaded


def _nothing_runs() -> ConfigView:
    raise LookupError("no generation runs here")


def _no_generation() -> Generation:
    raise LookupError("no generation runs here")


async def _nothing_loads(by: str) -> Attempt:
    raise LookupError("no generation runs here")


class Gateway:
    """A gateway that serves."""

    def __init__(
        self,
        reloads: Reloads,
        listener: Listener,
        data_url: str,
        doors: Sequence[Address],
        ledger: Ledger,
        life: Lifecycle,
    ) -> None:
        self._reloads = reloads
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
        return self._reloads.settings.listen.shutdown.drain_delay

    def ask_reload(self) -> None:
        """The same, soon and for a signal, which nobody waits for."""
        self._reloads.ask(anyway="signal")

    async def reload(self, by: str) -> Attempt:
        """Loads the policy again and swaps it in, or says what is wrong with it. `by`: who asked for it."""
        return await self._reloads.reload(by)

    async def drain(self) -> None:
        """Takes nothing new, and finishes what runs within the policy's `shutdown.timeout`."""
        self.lifecycle.draining = True
        self._listener.stop_accepting()
        await self._listener.drain(self._reloads.settings.listen.shutdown.timeout)


@asynccontextmanager
async def open_gateway(
    paths: Sequence[Path],
    resolve: Resolve,
    addresses: Addresses,
    verbosity: Verbosity = SILENT,
    environment: str | None = None,
) -> AsyncIterator[Gateway]:
    """Loads a policy and serves it until the block is left. Raises InvalidPolicy, OSError (an address is taken)."""
    machine, life = Machine.started(), Lifecycle()
    checks: list[Check] = []
    opened: list[Remembered] = []
    offers: list[Offer] = []

    def offer(settings: Settings) -> Services:
        opened[:] = opened or [_remembered(settings.state, machine)]
        offers.append(machine.offer(opened[0]))
        return offers[-1].services

    async def reload(by: str) -> Attempt:
        return await reloads.reload(by)

    def told() -> ConfigView:
        return view_of(live.generation, reloads.sources, reloads.loaded_at, reloads.last)

    endpoints = implemented(
        told, checks, machine.clock, lambda: opened[0].ledger, reload, lambda: live.generation, machine.shadows
    )
    loader = Loader(paths, resolve, offer, serves=serves(endpoints), layers=Layers(environment, machine.clock.wall))
    files = loader.read()
    loaded = done(loader.loading(files))
    if loaded.generation is None or loaded.gateway is None:
        raise InvalidPolicy(loaded)
    for warning in loaded.diagnostics:
        log.warning("%s %s: %s", warning.span, warning.code.name, warning.message)
    live, state, settings = Live(loaded.generation), opened[0], loaded.gateway
    async with AsyncExitStack() as stack:
        stack.callback(machine.hops.close)
        stack.callback(asyncio.create_task(machine.watched.run()).cancel)
        stack.push_async_callback(machine.key_sets.close)
        await _start(state, settings, stack)
        journal = Journal(state.ledger, machine.clock, machine.ids)
        journal.note(START, live.generation.policy, version=__version__, files=[str(each) for each in loaded.sources])
        stack.callback(lambda: journal.note(STOP, live.generation.policy))
        guard = Guard(access_to(settings, machine.clock))
        use = Use(offers, machine, state, checks, guard, verbosity)
        reloads = Reloads(loader, loaded, settings, live, machine.clock, journal, use.settle, files)
        use.settle(loaded)
        del loaded  # it would be kept for as long as the gateway serves, and all tenants of its policy
        _watch(machine, state.ledger, live, reloads)
        stack.callback(asyncio.create_task(reloads.run()).cancel)
        stack.callback(asyncio.create_task(Watch(paths, reloads.ask).run()).cancel)
        stack.callback(verbosity.flush)
        entry = use.entry = _entry(settings.listen, live, machine, verbosity)
        data = addresses.data or settings.listen.data
        listener = await _listening(settings.listen, data, entry, machine, stack)
        doors = await _doors(settings, addresses, machine, life, checks, endpoints, guard, journal, stack)
        life.serving = True
        yield Gateway(reloads, listener, _url(data, listener), doors, state.ledger, life)


async def _start(state: Remembered, settings: Settings, stack: AsyncExitStack) -> None:
    """What remembers, so that it is closed again."""
    if isinstance(state.ledger, SqliteLedger):
        check_file(Path(settings.state.path or ""))
        await state.ledger.start()
    stack.push_async_callback(state.ledger.close)
    if isinstance(state.replays, SqliteReplays):
        stack.push_async_callback(state.replays.close)
    if isinstance(state.owners, SqliteOwners):
        await state.owners.start()
        stack.push_async_callback(state.owners.close)


def _entry(listen: Listen, live: Live, machine: Machine, verbosity: Verbosity) -> Entry:
    limits, hops = listen.limits, TrustedHops(listen.trusted_hops) if listen.trusted_hops else None
    share, finished = limits.exchanges_per_tenant, verbosity.finished
    return Entry(live, machine.clock, machine.ids, finished, limits.exchanges, hops, share, limits.bytes_held)


def _watch(machine: Machine, ledger: Ledger, live: Live, reloads: Reloads) -> None:
    watch_upstreams(machine.meter, lambda: [(hop.pool.endpoint.name, hop.pool) for hop in machine.hops])
    watch_audit(machine.meter, ledger)
    watch_key_sets(machine.meter, machine.key_sets)
    watch_policy(machine.meter, lambda: live.generation.policy)
    watch_reloads(machine.meter, reloads)
    watch_lapses(machine.meter, reloads)


def _remembered(state: State, machine: Machine) -> Remembered:
    """Each beside the audit's file in its own: each has its own thread, and one that is damaged takes none other along.
    Nothing is opened yet.
    """
    clock = machine.clock
    if state.path is None:
        return Remembered(MemoryLedger(), MemoryReplays(clock), MemoryOwners(clock))
    return Remembered(
        SqliteLedger(Path(state.path), clock),
        SqliteReplays(Path(f"{state.path}.replays"), clock, machine.ids()),
        SqliteOwners(Path(f"{state.path}.owners"), clock),
    )


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
    guard: Guard,
    journal: Journal,
    stack: AsyncExitStack,
) -> list[Address]:
    listen, meter = settings.listen, machine.meter
    probe = Probe(life, checks, machine.clock, __version__, meter.render, meter.content_type, machine.published)
    doors = await open_doors(
        addresses.probe or listen.probe,
        addresses.admin or listen.admin,
        probe.routes(),
        admin_routes(endpoints, guard.access, journal, machine.clock),
        guarded=guard.access is not None,
        origins=listen.admin_origins,
    )
    for door in doors:
        stack.push_async_callback(door.close)
    return [door.address for door in doors]
