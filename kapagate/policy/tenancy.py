"""The Tenant documents of a policy: accounts, and chains as layers over the gateway's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Map

from msgspec import Struct, field

from kapagate.chain.compose import Steps
from kapagate.chain.principal import Account, Tenant
from kapagate.policy import codes
from kapagate.policy.accounts import Accounts, marked, shared_projects
from kapagate.policy.annotations import names
from kapagate.policy.documents import HEADER, Document
from kapagate.policy.exceptions import Grant, Grants
from kapagate.policy.finding import Diagnostics
from kapagate.policy.fit import Fitting
from kapagate.policy.gateway import Gateway
from kapagate.policy.interpolation import Interpolation, Reference
from kapagate.policy.lanes import LaneReader
from kapagate.policy.layers import Layering
from kapagate.policy.locks import BINDING_TENANTS
from kapagate.policy.nodes import Mapping
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.position import Span
from kapagate.policy.scope import Scopes
from kapagate.policy.steps import Lane, StepCompiler
from kapagate.policy.tenant import TenantDocument
from kapagate.policy.validation import Subject, place, salvage
from kapagate.policy.work import Work

RESERVED = ("none", "other")
_GATEWAYS = {key: "in the Gateway document" for key in names(Gateway) if key not in names(TenantDocument)}
DEFAULT = "default"


class Kept(Struct, frozen=True):
    """A tenant of which nothing was wrong, and all that it came of: its document, what its references stood for, and
    the tenants with longer names that these are not to be confused with.
    """

    document: Document
    asked: Map[Reference, str]
    longer: tuple[str, ...]
    tenant: Tenant
    place: Span
    chain: Lane
    grants: tuple[tuple[str, bool], ...] = ()


class Tenancy(Struct, frozen=True):
    """Reads tenants. `gate` and `chain` are the gateway's; `whole`: whether all of their steps are known. A tenant that
    is `known` and of which nothing changed stays the same object.
    """

    interpolation: Interpolation
    accounts: Accounts
    lanes: LaneReader
    compiler: StepCompiler
    gate: Lane
    chain: Lane
    patterns: Sequence[str]
    whole: bool
    known: dict[str, Kept] = field(default_factory=dict)
    marked: dict[str, tuple[Tenant, Tenant]] = field(default_factory=dict)
    chains: dict[str, Lane] = field(default_factory=dict)
    scopes: dict[tuple[str, ...], Scopes] = field(default_factory=dict)

    @property
    def _problems(self) -> Diagnostics:
        return self.lanes.problems

    def read(
        self, documents: Sequence[Document], names: Sequence[str], fitting: Fitting | None, grants: Grants
    ) -> Work[dict[str, Tenant]]:
        """The tenants, `default` among them when the gateway has an account of its own."""
        tenants: dict[str, Tenant] = {}
        owners: list[tuple[str, Span, Map[str, Account]]] = []
        own = self.accounts.of_gateway()
        if own and DEFAULT not in {document.name for document in documents}:
            tenants[DEFAULT] = Tenant(DEFAULT, "", own, None)
            owners.append((DEFAULT, self.accounts.upstreams[next(iter(own))].key, own))
        scopes = self._scopes(names)
        yield
        for document in documents:
            longer = tuple(scopes.longer(document.name))
            own_grants = grants.of(document.name)
            kept = self._still(document, longer, own_grants) or self._read(
                document, scopes, longer, fitting, own_grants
            )
            if kept:
                self.chains[document.name] = kept.chain
                tenants[kept.tenant.name] = kept.tenant
                owners.append((kept.tenant.name, kept.place, kept.tenant.accounts))
            yield
        shared = shared_projects(owners, self._problems)
        for name, tenant in tenants.items():
            yield
            tenants[name] = self._marked(tenant, shared)
        return tenants

    def _scopes(self, names: Sequence[str]) -> Scopes:
        """The same as long as there are the same tenants."""
        found = self.scopes.get(tuple(names))
        if found is None:
            self.scopes.clear()
            found = self.scopes[tuple(names)] = Scopes(self.patterns, names)
        return found

    def _marked(self, tenant: Tenant, shared: frozenset[str]) -> Tenant:
        """The tenant with its marks; the same as the last time when these are."""
        last, now = self.marked.get(tenant.name), marked(tenant, shared)
        is_same = last is not None and (last[0] is tenant or tenant.name == DEFAULT)
        if last is None or not is_same or last[1].accounts != now.accounts:
            last = self.marked[tenant.name] = tenant, now
        return last[1]

    def _still(self, document: Document, longer: tuple[str, ...], grants: Sequence[Grant]) -> Kept | None:
        """The tenant as it is known, if it would come out the same."""
        kept = self.known.get(document.name)
        if (
            kept is None
            or kept.longer != longer
            or kept.grants != _identities(grants)
            or not self.interpolation.still(kept.asked)
        ):
            return None
        same = (kept.document.digest, kept.document.folder) == (document.digest, document.folder)
        return kept if same else None

    def _read(
        self,
        document: Document,
        scopes: Scopes,
        longer: tuple[str, ...],
        fitting: Fitting | None,
        grants: Sequence[Grant],
    ) -> Kept | None:
        before, self.interpolation.asked = len(self._problems), {}
        node = self.interpolation.apply(document.node, document.folder, scopes.of(document.name))
        if not isinstance(node, Mapping):
            return None
        made = self._tenant(node, document.kind_span, fitting, grants)
        if made is None:
            return None
        tenant, chain = made
        kept = Kept(
            document, self.interpolation.asked, longer, tenant, place(node, ("name",)), chain, _identities(grants)
        )
        if len(self._problems) == before:
            self.known[document.name] = kept
        return kept

    def forget(self, names: Collection[str]) -> None:
        """All tenants but these."""
        for name in self.known.keys() - names:
            del self.known[name]
        for name in self.marked.keys() - {*names, DEFAULT}:
            del self.marked[name]
        for name in self.chains.keys() - names:
            del self.chains[name]

    def _tenant(
        self, node: Mapping, key: Span, fitting: Fitting | None, grants: Sequence[Grant]
    ) -> tuple[Tenant, Lane] | None:
        before = self._problems.errors
        declared = salvage(TenantDocument, Subject(node, key=key, also=HEADER, elsewhere=_GATEWAYS), self._problems)
        if declared is None:
            return None
        span = place(node, ("name",))
        if declared.name in RESERVED:
            self._problems.add(codes.UNACCEPTABLE, span, f'"{declared.name}" is no name for a tenant: it is reserved')
        upstreams = node.get("upstreams")
        own = upstreams if isinstance(upstreams, Mapping) else None
        accounts = self.accounts.of_tenant(own, declared.name, span) if self._problems.errors == before else {}
        if self._problems.errors > before and own:
            self.accounts.check_names(own)
        chain = self._layered(node, grants)
        if fitting:
            buffered = frozenset(name for name, account in accounts.items() if account.buffered)
            fitting.check(chain, buffered, declared.name)
        return Tenant(declared.name, declared.display_name, accounts, self._steps(chain)), chain

    def _layered(self, node: Mapping, grants: Sequence[Grant]) -> Lane:
        changes = node.get("chain")
        items = changes.items if isinstance(changes, Items) else []
        if not (items or grants):
            return self.chain
        gate = [step.id for step in self.gate]
        layering = Layering(self.chain, gate, self.whole, self.compiler.table, self._problems, grants)
        for change in items:
            layering.apply(change)
        BINDING_TENANTS.check(self.chain, layering.chain, layering.moves, self.compiler, self._problems)
        layering.grant()
        for step in layering.chain:
            if step not in self.chain:
                self.lanes.check_when(step)
        layered = tuple(layering.chain)
        return self.chain if layered == self.chain else layered

    def _steps(self, chain: Lane) -> Steps | None:
        return None if chain is self.chain else self.compiler.shared(self.gate, chain)


def _identities(grants: Sequence[Grant]) -> tuple[tuple[str, bool], ...]:
    return tuple(each.identity for each in grants)
