"""One load at work: documents to settings, upstreams, routes, chains, tenants, and at last the generation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import replace

from kapagate.access.permissions import known_grants
from kapagate.access.roles import RoleDeclaration, Roles, faults
from kapagate.chain.compose import Placed, Steps
from kapagate.chain.fitness import findings
from kapagate.chain.generation import Generation
from kapagate.chain.principal import PRINCIPAL, Account, Tenant, Tenants
from kapagate.chain.route import Route, Serve, Surface
from kapagate.chain.services import Services
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.policy import codes
from kapagate.policy.accounts import Accounts, warn_of_shared_projects
from kapagate.policy.documents import HEADER, Document
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import Gateway
from kapagate.policy.interpolation import Interpolation
from kapagate.policy.invalid import Known, note_invalid
from kapagate.policy.layers import Layering
from kapagate.policy.nodes import Mapping, Node, Scalar
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.position import Span
from kapagate.policy.routes import DeclaredRoute, RouteReader, check_names, check_together
from kapagate.policy.scope import malformed, scope_of
from kapagate.policy.steps import StepCompiler, StepDeclaration, read_step, validated_at
from kapagate.policy.table import Table
from kapagate.policy.tenant import TenantDocument
from kapagate.policy.upstreams import DeclaredUpstream, read_upstreams
from kapagate.policy.validation import Subject, place, validate

Lane = tuple[StepDeclaration, ...]
_WHOLE: frozenset[Surface] = frozenset({"whole answer"})
RESERVED_TENANTS = ("none", "other")


class Build:
    """Builds one generation. After `generation`, `gateway`, `tenants` and `routes` say what there is."""

    def __init__(
        self,
        interpolation: Interpolation,
        services: Services,
        table: Table,
        serves: Map[str, Serve],
        problems: Diagnostics,
    ) -> None:
        self.gateway: Gateway | None = None
        self.tenants: dict[str, Tenant] = {}
        self.routes: list[DeclaredRoute] = []
        self._interpolation = interpolation
        self._services = services
        self._table = table
        self._serves = serves
        self._problems = problems
        self._known = Known()
        self._gate: Lane = ()
        self._chain: Lane = ()
        self._upstreams: dict[str, DeclaredUpstream] = {}
        self._steps: dict[tuple[Placed, ...], Steps] = {}
        self._checked: set[tuple[Lane, frozenset[str]]] = set()

    def generation(self, gateway: Document, tenants: Sequence[Document], policy: str) -> Generation | None:
        """The generation; None or worthless when problems were noted."""
        node = self._interpolation.apply(gateway.node, gateway.folder)
        if not isinstance(node, Mapping):
            return None
        self._read_gateway(node, gateway.kind_span)
        names = [document.name for document in tenants]
        self._read_names(node, names)
        self._read_upstreams_and_routes(node)
        self._check_roles(node)
        compiler = StepCompiler(self._table, self._services, self._problems, self._known)
        self._read_steps(node)
        gate, chain = self._placed(compiler, self._gate), self._placed(compiler, self._chain)
        self._check_identified(gate)
        self._check_fitness(compiler, self._chain, frozenset(), "")
        self._read_tenants(tenants, compiler, gate)
        return (
            Generation(
                routes=[each.route for each in self.routes],
                steps=self._shared(gate, chain),
                tenants=self.tenants,
                policy=policy,
            )
            if not self._problems.errors
            else None
        )

    def _read_gateway(self, node: Mapping, span: Span) -> None:
        before = self._problems.errors
        prepared = {}
        if "admin_keys" in node.entries and "api_key" in self._table.schemes:
            keys = node.entries["admin_keys"]
            prepared["admin_keys"] = validated_at(self._table.scheme("api_key"), keys, "admin_keys", self._problems)
        broken = frozenset({"admin_keys"}) if self._problems.errors > before else frozenset[str]()
        subject = Subject(node, key=span, also=HEADER, prepared=prepared, broken=broken)
        self.gateway = validate(Gateway, subject, self._problems)
        for index, pattern in enumerate(self.gateway.tenant_secrets if self.gateway else ()):
            if wrong := malformed(pattern):
                self._problems.add(codes.UNACCEPTABLE, place(node, ("tenant_secrets", index)), wrong)

    def _read_names(self, node: Mapping, tenants: Sequence[str]) -> None:
        """Who there is: roles, tenants, and the ports that stand for them."""
        roles = dict(self.gateway.roles) if self.gateway else {}
        nominal = {name: RoleDeclaration(allow=role.allow, deny=role.deny) for name, role in roles.items()}
        whole = not any(True for _ in faults(roles))
        ports: dict[type, object] = {Roles: Roles(roles if whole else nominal), Tenants: self.tenants}
        if self.gateway and self.gateway.pseudonyms:
            try:
                ports[Pseudonyms] = Pseudonyms(self.gateway.pseudonyms.key.reveal().encode())
            except ValueError as cause:
                self._problems.add(codes.UNACCEPTABLE, place(node, ("pseudonyms", "key")), str(cause))
        self._services = self._services.with_ports(ports)
        self._known = Known(roles=tuple(roles), tenants=(*tenants, "default"))

    def _read_upstreams_and_routes(self, node: Mapping) -> None:
        limit = self.gateway.listen.limits.body if self.gateway else 1 << 20
        declared = node.get("upstreams")
        if isinstance(declared, Mapping):
            self._upstreams = read_upstreams(declared, self._table, self._services, limit, self._problems)
        for upstream in self._upstreams.values():
            self.routes += [DeclaredRoute(route, upstream.key, upstream.key) for route in upstream.routes]
        reader = RouteReader(self._upstreams, self._serves, limit, self._problems)
        read = (reader.read(item, index) for index, item in enumerate(_items(node.get("routes"))))
        self.routes += [route for route in read if route]
        check_together(self.routes, self._problems)

    def _check_roles(self, node: Mapping) -> None:
        routes = tuple({*(each.route.name for each in self.routes), *_names(node.get("routes"))})
        covered = {route.name: route.permission for route in (each.route for each in self.routes)}
        self._known = replace(self._known, permissions=tuple(sorted(known_grants(routes))))
        for fault in faults(self.gateway.roles, routes) if self.gateway else ():
            span = place(node, ("roles", *fault.at))
            said = next((permission for name, permission in covered.items() if f"'{name}'" in str(fault)), None)
            note = f'covered by "{said}"' if said else None
            note_invalid(fault, span, self._known, self._problems, note)

    def _read_steps(self, node: Mapping) -> None:
        self._gate = tuple(self._lane(node.get("gate")))
        self._chain = tuple(self._lane(node.get("chain")))
        first: dict[str, StepDeclaration] = {}
        for step in (*self._gate, *self._chain):
            known = first.setdefault(step.id, step)
            if known is not step:
                message = f'there is a step "{step.id}" already; give this one its own id'
                span = step.place(("id",))
                self._problems.add(codes.REPEATED_STEP, span, message, note=f"first at {known.origin}")
            self._check_when(step)

    def _lane(self, node: Node | None) -> Iterator[StepDeclaration]:
        for item in _items(node):
            step = read_step(item, self._table, self._problems)
            if step:
                yield step

    def _check_when(self, step: StepDeclaration) -> None:
        when = step.options.when
        if when is None:
            return
        routes = when.route or ()
        places = [step.place(("when", "route", index)) for index in range(len(routes))]
        check_names(routes, places, [each.route for each in self.routes], self._problems)
        for index, role in enumerate(when.role or ()):
            if role not in self._known.roles:
                span = step.place(("when", "role", index))
                self._problems.unknown(codes.UNKNOWN_ROLE, span, "role", role, self._known.roles)

    def _placed(self, compiler: StepCompiler, lane: Lane) -> tuple[Placed, ...]:
        return tuple(placed for step in lane if (placed := compiler.placed(step)))

    def _shared(self, gate: tuple[Placed, ...], chain: tuple[Placed, ...]) -> Steps:
        return self._steps.setdefault(chain, Steps(gate, chain))

    def _check_identified(self, gate: Sequence[Placed]) -> None:
        """Open access is never an oversight: what leads to an upstream asks who is there."""
        if len(gate) < len(self._gate) or any(
            PRINCIPAL in each.step.writes and each.options.unconditional for each in gate
        ):
            return
        for span in {each.leads_to for each in self.routes if each.route.upstream}:
            message = "this leads to an upstream, and no step of the gate identifies the caller"
            self._problems.add(codes.UNIDENTIFIED, span, message, note="add `identify` to the gate")

    def _check_fitness(self, compiler: StepCompiler, chain: Lane, buffered: frozenset[str], tenant: str) -> None:
        """Once per distinct chain and stream mode, when all of its steps could be compiled."""
        steps = (*self._gate, *chain)
        placed = [compiler.placed(step) for step in steps]
        if (chain, buffered) in self._checked or None in placed:
            return
        self._checked.add((chain, buffered))
        made = [each for each in placed if each]
        gate, rest = made[: len(self._gate)], made[len(self._gate) :]
        routes = [_held(each.route) if _leads_to(each.route, buffered) else each.route for each in self.routes]
        by_id = {step.id: step for step in steps}
        for found in findings(gate, rest, routes):
            if found.option[:2] == ("when", "route"):
                continue
            note = f'for tenant "{tenant}"' if tenant else None
            span = by_id[found.step].place(found.option)
            self._problems.add(codes.MISFIT, span, f'step "{found.step}" {found.message}', note=note)

    def _read_tenants(self, documents: Sequence[Document], compiler: StepCompiler, gate: tuple[Placed, ...]) -> None:
        accounts = Accounts(self._upstreams, self._problems)
        shares: list[tuple[str, Span, Map[str, Account]]] = []
        own = accounts.of_gateway()
        if own and not any(document.name == "default" for document in documents):
            self.tenants["default"] = Tenant("default", "", own, None)
            shares.append(("default", next(iter(self._upstreams.values())).key, own))
        for document in documents:
            tenant, span = self._tenant(document, accounts, compiler, gate)
            if tenant:
                self.tenants[tenant.name] = tenant
                shares.append((tenant.name, span, tenant.accounts))
        warn_of_shared_projects(shares, self._problems)

    def _tenant(
        self, document: Document, accounts: Accounts, compiler: StepCompiler, gate: tuple[Placed, ...]
    ) -> tuple[Tenant | None, Span]:
        patterns = self.gateway.tenant_secrets if self.gateway else ()
        scope = scope_of(document.name, patterns, self._known.tenants)
        node = self._interpolation.apply(document.node, document.folder, scope)
        span = place(node, ("name",)) if isinstance(node, Mapping) else node.span
        if not isinstance(node, Mapping):
            return None, span
        declared = validate(TenantDocument, Subject(node, key=document.kind_span, also=HEADER), self._problems)
        if declared is None:
            return None, span
        if declared.name in RESERVED_TENANTS:
            self._problems.add(codes.UNACCEPTABLE, span, f'"{declared.name}" is no name for a tenant: it is reserved')
        upstreams = node.get("upstreams")
        owned = accounts.of_tenant(upstreams if isinstance(upstreams, Mapping) else None, declared.name, span)
        chain = self._layered(node)
        steps = self._tenant_steps(chain, compiler, gate)
        buffered = frozenset(name for name, account in owned.items() if account.buffered)
        self._check_fitness(compiler, chain, buffered, declared.name)
        return Tenant(declared.name, declared.display_name, owned, steps), span

    def _layered(self, node: Mapping) -> Lane:
        changes = _items(node.get("chain"))
        if not changes:
            return self._chain
        layering = Layering(self._chain, [step.id for step in self._gate], self._table, self._problems)
        for change in changes:
            layering.apply(change)
        for step in layering.chain:
            if step not in self._chain:
                self._check_when(step)
        return tuple(layering.chain)

    def _tenant_steps(self, chain: Lane, compiler: StepCompiler, gate: tuple[Placed, ...]) -> Steps | None:
        return None if chain is self._chain else self._shared(gate, self._placed(compiler, chain))


def _items(node: Node | None) -> Sequence[Node]:
    return node.items if isinstance(node, Items) else ()


def _names(routes: Node | None) -> Iterator[str]:
    """What routes are called, those that are wrong otherwise too."""
    for item in _items(routes):
        name = item.get("name") if isinstance(item, Mapping) else None
        if isinstance(name, Scalar) and isinstance(name.value, str):
            yield name.value


def _leads_to(route: Route, upstreams: frozenset[str]) -> bool:
    return route.upstream is not None and route.upstream.name in upstreams


def _held(route: Route) -> Route:
    """The route as it is for a tenant whose streams are held to their end."""
    if "whole answer" not in route.hides:
        return route
    return replace(route, shows=route.shows | _WHOLE, hides=route.hides - _WHOLE)
