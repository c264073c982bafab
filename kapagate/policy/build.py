"""One load at work: a Gateway document to settings, upstreams, routes and steps, and then the tenants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map

from msgspec import Struct, field
from msgspec.structs import replace

from kapagate.access.roles import RoleDeclaration, Roles, faults
from kapagate.chain.compose import Steps
from kapagate.chain.generation import Generation
from kapagate.chain.principal import Tenant
from kapagate.chain.public_url import PublicUrl
from kapagate.chain.route import Routes, Serve
from kapagate.chain.services import Services
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.policy import codes
from kapagate.policy.accounts import Accounts
from kapagate.policy.credentials import check_tenants
from kapagate.policy.documents import HEADER, Document
from kapagate.policy.doors import check_doors
from kapagate.policy.environment import overlaid, uncovered
from kapagate.policy.exceptions import NOTHING, Grants
from kapagate.policy.finding import Diagnostics
from kapagate.policy.fit import Fitting, check_identified
from kapagate.policy.gateway import Gateway
from kapagate.policy.idle_limits import warn_of_idle_limits
from kapagate.policy.interpolation import Interpolation, Reference
from kapagate.policy.invalid import Known
from kapagate.policy.lanes import LaneReader
from kapagate.policy.nodes import Mapping, Node
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.position import Span
from kapagate.policy.roles import check_roles, grants, read_roles
from kapagate.policy.route_gates import RouteGates
from kapagate.policy.routes import DeclaredRoute, RouteReader, check_together, route_names
from kapagate.policy.scope import malformed
from kapagate.policy.series import check_series
from kapagate.policy.source import Source
from kapagate.policy.steps import Lane, StepCompiler, validated_at
from kapagate.policy.table import Table
from kapagate.policy.tenancy import DEFAULT, Tenancy
from kapagate.policy.unlimited import warn_of_unlimited
from kapagate.policy.unused import warn_of_closed_routes, warn_of_idle_names, warn_of_idle_upstreams
from kapagate.policy.upstreams import DeclaredUpstream, read_upstreams
from kapagate.policy.validation import Subject, place, salvage
from kapagate.policy.work import Work

_STAND_IN = bytes(32)  # for a key that is wrong, so that what needs one can be checked further

Offer = Callable[[Gateway], Services]
"""What a gateway with these settings offers to its steps; called once per load, and it opens nothing."""


class Ground(Struct, frozen=True):
    """What a Gateway document came to, without its tenants: they can be read again and again.

    `asked`: what its references stood for. `found`: what was wrong with it. `fitting`: None when not all is known.
    """

    document: Document
    environment: Document | None
    node: Mapping
    asked: Map[Reference, str]
    found: Diagnostics
    lanes: tuple[Lane, Lane]
    steps: Steps
    tenancy: Tenancy
    fitting: Fitting | None
    whole: bool


class Build(Struct):
    """Builds one generation, and others with the same Gateway document. After `generation`, `gateway`, `tenants` and
    `routes` say what there is.
    """

    interpolation: Interpolation
    offer: Offer
    table: Table
    serves: Map[str, Serve]
    problems: Diagnostics
    environment: Document | None = None
    gateway: Gateway = field(default_factory=Gateway)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    routes: list[DeclaredRoute] = field(default_factory=list)
    services: Services = field(default_factory=lambda: Services({}))
    ground: Ground | None = None

    def generation(
        self, document: Document, tenants: Sequence[Document], policy: str, grants: Grants = NOTHING
    ) -> Work[Generation | None]:
        """The generation; None when something is wrong, and then all of it is noted."""
        if self.ground is None:
            yield from self._lay(document, tenants)
        return (yield from self._assemble(self.ground, tenants, policy, grants)) if self.ground else None

    def again(self, sources: dict[str, Source], problems: Diagnostics) -> None:
        """Before another generation: the files that it comes of, and what is wrong with them."""
        self.interpolation.collect_in(sources)
        self.problems.become(*([self.ground.found] if self.ground else ()), problems)

    def stands(self, document: Document, environment: Document | None = None) -> bool:
        """Whether this Gateway document would come to the same again, in this environment."""
        ground = self.ground
        return (
            ground is not None
            and ground.found.errors == 0
            and _same(ground.document, document)
            and _same(ground.environment, environment)
            and self.interpolation.still(ground.asked)
        )

    def forget(self) -> None:
        """What only earlier generations needed."""
        if self.ground is None:
            return
        tenancy = self.ground.tenancy
        tenancy.forget(self.tenants)
        chains = {*self.ground.lanes, *(each.chain for each in tenancy.known.values())}
        if self.ground.fitting:
            self.ground.fitting.keep(chains)
        own = (step for each in self.routes for step in each.own)
        steps = {self.ground.steps, *(each.steps for each in self.tenants.values() if each.steps)}
        tenancy.compiler.keep(dict.fromkeys((*(step for chain in chains for step in chain), *own)), steps)

    def _lay(self, document: Document, tenants: Sequence[Document]) -> Work[None]:
        over = self.environment
        above = self.interpolation.apply(over.node, over.folder) if over else Mapping(document.node.span)
        if not isinstance(above, Mapping):
            return
        node = self.interpolation.apply(uncovered(document.node, above), document.folder)
        if not isinstance(node, Mapping):
            return
        node = overlaid(node, above)
        asked = self.interpolation.asked
        yield
        self.gateway = self._read_gateway(node, document.kind_span)
        roles = read_roles(node.get("roles"))
        self._offer_ports(node, roles)
        yield
        upstreams = self._read_upstreams(node)
        yield
        routes_read = self._read_routes(node, upstreams)
        yield
        routes = [each.route for each in self.routes]
        declared = check_roles(roles, node, routes, self.problems)
        known = Known(declared, grants(node, routes), _names(tenants), route_names(routes))
        yield from self._compile(document, (node, above), asked, known, upstreams, routes_read)

    def _compile(
        self,
        document: Document,
        layers: tuple[Mapping, Mapping],
        asked: Map[Reference, str],
        known: Known,
        upstreams: dict[str, DeclaredUpstream],
        routes_read: bool,
    ) -> Work[None]:
        node, above = layers
        routes = [each.route for each in self.routes]
        lanes = LaneReader(self.table, routes if routes_read else None, known, self.problems)
        gate, chain = (lanes.read(items(node.get(name))) for name in ("gate", "chain"))
        lanes.check_ids((*gate, *chain))
        services = self.services.with_ports({Routes: Routes(tuple(routes), routes_read)})
        compiler = StepCompiler(self.table, services, self.problems, known)
        read = len(gate), len(chain)
        gate, chain = lanes.layered(above, gate, chain, compiler, read == _written(node))
        for each in (*gate, *chain):
            compiler.placed(each)
            yield
        steps = compiler.shared(gate, chain)
        before = self.problems.errors
        self._give_gates(RouteGates(steps.gate, compiler))
        routes_read = routes_read and self.problems.errors == before
        if len(steps.gate) == len(gate) and read[0] == _written(node)[0] and self.problems.errors == before:
            check_identified(steps.gate, self.routes, self.problems)
        yield
        fitting = Fitting(gate, self.routes, compiler, self.problems)
        whole = read == _written(node)
        if whole and routes_read:
            fitting.check(chain)
        yield
        accounts = Accounts(upstreams, _keys(node.get("upstreams")), self.problems)
        patterns = self.gateway.tenant_secrets
        tenancy = Tenancy(self.interpolation, accounts, lanes, compiler, gate, chain, patterns, whole)
        found, fit = self.problems.copy(), fitting if whole and routes_read else None
        self.ground = Ground(document, self.environment, node, asked, found, (gate, chain), steps, tenancy, fit, whole)

    def _assemble(
        self, ground: Ground, documents: Sequence[Document], policy: str, grants: Grants
    ) -> Work[Generation | None]:
        gate, chain = ground.lanes
        self.tenants = yield from ground.tenancy.read(documents, _names(documents), ground.fitting, grants)
        yield
        existing = {*self.tenants, *(each.name for each in documents)}
        if ground.tenancy.accounts.is_open():
            existing.add(DEFAULT)
        for step in (*gate, *(own for each in self.routes for own in each.own)) if ground.whole else ():
            check_tenants(step.own.get("schemes"), existing, self.problems)
        if self.problems.errors:
            return None
        yield
        routes = [each.route for each in self.routes]
        told = self.gateway.listen.policy_header
        generation = Generation(routes=routes, steps=ground.steps, tenants=self.tenants, policy=policy, told=told)
        yield from warn_of_unlimited(generation, self.routes, self.problems)
        yield
        yield from self._warn_of_idle(ground, documents)
        return generation if check_series(generation, (*gate, *chain), ground.node.span, self.problems) else None

    def _warn_of_idle(self, ground: Ground, documents: Sequence[Document]) -> Work[None]:
        """What is declared and never comes to anything."""
        own = tuple(step for each in self.routes for step in each.own)
        steps = (*ground.lanes[0], *ground.lanes[1])
        tenants = [(each.name, each.node.get("name") or each.node) for each in documents]
        yield
        warn_of_idle_upstreams(ground.node, self.routes, self.problems)
        warn_of_closed_routes(self.routes, ground.steps, self.gateway.roles, self.problems)
        yield
        warn_of_idle_names(ground.node, (*steps, *own), tenants, self.problems)
        yield
        warn_of_idle_limits(ground.node, self.gateway.listen.limits, steps, ground.tenancy.compiler, self.problems)
        yield

    def _give_gates(self, gates: RouteGates) -> None:
        """Every route with its gate."""
        routes = gates.of([(each.route, each.own) for each in self.routes])
        self.routes = [replace(each, route=route) for each, route in zip(self.routes, routes, strict=True)]

    def _read_gateway(self, node: Mapping, span: Span) -> Gateway:
        before = self.problems.errors
        prepared = {}
        if "admin_keys" in node.entries and "api_key" in self.table.schemes:
            keys = node.entries["admin_keys"]
            prepared["admin_keys"] = validated_at(self.table.scheme("api_key"), keys, "admin_keys", self.problems)
        broken = frozenset({"admin_keys"}) if self.problems.errors > before else frozenset[str]()
        subject = Subject(node, key=span, also=HEADER, prepared=prepared, broken=broken)
        gateway = salvage(Gateway, subject, self.problems) or Gateway()
        for index, pattern in enumerate(gateway.tenant_secrets):
            if wrong := malformed(pattern):
                self.problems.add(codes.UNACCEPTABLE, place(node, ("tenant_secrets", index)), wrong)
        check_doors(gateway, node, self.problems)
        return gateway

    def _offer_ports(self, node: Mapping, roles: dict[str, RoleDeclaration]) -> None:
        """What steps and upstreams borrow of the policy itself: roles, pseudonyms, the name of the gateway."""
        if any(True for _ in faults(roles)):
            roles = {name: RoleDeclaration() for name in roles}
        public = PublicUrl(self.gateway.listen.public_url or "")
        ports: dict[type, object] = {Roles: Roles(roles), PublicUrl: public}
        if "pseudonyms" in node.entries:
            ports[Pseudonyms] = self._pseudonyms(node)
        self.services = self.offer(self.gateway).with_ports(ports)

    def _pseudonyms(self, node: Mapping) -> Pseudonyms:
        try:
            declared = self.gateway.pseudonyms
            return Pseudonyms(declared.key.reveal().encode() if declared else _STAND_IN)
        except ValueError as cause:
            self.problems.add(codes.UNACCEPTABLE, place(node, ("pseudonyms", "key")), str(cause))
            return Pseudonyms(_STAND_IN)

    def _read_upstreams(self, node: Mapping) -> dict[str, DeclaredUpstream]:
        declared = node.get("upstreams")
        if not isinstance(declared, Mapping):
            return {}
        return read_upstreams(declared, self.table, self.services, self.gateway.listen.limits.body, self.problems)

    def _read_routes(self, node: Mapping, upstreams: dict[str, DeclaredUpstream]) -> bool:
        """Fills `routes`; whether all that is declared could be read."""
        for upstream in upstreams.values():
            self.routes += [DeclaredRoute(route, upstream.key, upstream.key, upstream.key) for route in upstream.routes]
        names = _keys(node.get("upstreams"))
        reader = RouteReader(upstreams, names, self.serves, self.gateway.listen.limits.body, self.problems)
        declared = items(node.get("routes"))
        read = [route for index, item in enumerate(declared) if (route := reader.read(item, index))]
        self.routes += read
        check_together(self.routes, self.problems)
        compiled = [each for each in upstreams.values() if each.upstream]
        return len(read) == len(declared) and len(compiled) == len(names)


def items(node: Node | None) -> Sequence[Node]:
    """The items of a list; none of anything else."""
    return node.items if isinstance(node, Items) else ()


def _same(one: Document | None, other: Document | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.digest, one.folder) == (other.digest, other.folder)


def _written(node: Mapping) -> tuple[int, int]:
    """How many steps the gate and the chain of a Gateway document have."""
    return len(items(node.get("gate"))), len(items(node.get("chain")))


def _names(tenants: Sequence[Document]) -> tuple[str, ...]:
    return (*(each.name for each in tenants), DEFAULT)


def _keys(node: Node | None) -> Sequence[str]:
    return tuple(node.entries) if isinstance(node, Mapping) else ()
