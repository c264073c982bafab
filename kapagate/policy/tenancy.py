"""The Tenant documents of a policy: accounts, and chains as layers over the gateway's."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

from kapagate.chain.compose import Steps
from kapagate.chain.principal import Account, Tenant
from kapagate.policy import codes
from kapagate.policy.accounts import Accounts, marked, shared_projects
from kapagate.policy.annotations import names
from kapagate.policy.documents import HEADER, Document
from kapagate.policy.finding import Diagnostics
from kapagate.policy.fit import Fitting, Lane
from kapagate.policy.gateway import Gateway
from kapagate.policy.interpolation import Interpolation
from kapagate.policy.lanes import LaneReader
from kapagate.policy.layers import Layering
from kapagate.policy.nodes import Mapping
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.position import Span
from kapagate.policy.scope import Scopes
from kapagate.policy.steps import StepCompiler
from kapagate.policy.tenant import TenantDocument
from kapagate.policy.validation import Subject, place, salvage

RESERVED = ("none", "other")
_GATEWAYS = {key: "in the Gateway document" for key in names(Gateway) if key not in names(TenantDocument)}
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Reads tenants. `gate` and `chain` are the gateway's; `whole`: whether all of their steps are known."""

    interpolation: Interpolation
    accounts: Accounts
    lanes: LaneReader
    compiler: StepCompiler
    gate: Lane
    chain: Lane
    patterns: Sequence[str]
    whole: bool

    @property
    def _problems(self) -> Diagnostics:
        return self.lanes.problems

    def read(self, documents: Sequence[Document], names: Sequence[str], fitting: Fitting | None) -> dict[str, Tenant]:
        """The tenants, `default` among them when the gateway has an account of its own."""
        tenants: dict[str, Tenant] = {}
        owners: list[tuple[str, Span, Map[str, Account]]] = []
        own = self.accounts.of_gateway()
        if own and DEFAULT not in {document.name for document in documents}:
            tenants[DEFAULT] = Tenant(DEFAULT, "", own, None)
            owners.append((DEFAULT, self.accounts.upstreams[next(iter(own))].key, own))
        scopes = Scopes(self.patterns, names)
        for document in documents:
            node = self.interpolation.apply(document.node, document.folder, scopes.of(document.name))
            if isinstance(node, Mapping) and (tenant := self._tenant(node, document.kind_span, fitting)):
                tenants[tenant.name] = tenant
                owners.append((tenant.name, place(node, ("name",)), tenant.accounts))
        shared = shared_projects(owners, self._problems)
        return {name: marked(tenant, shared) for name, tenant in tenants.items()}

    def _tenant(self, node: Mapping, key: Span, fitting: Fitting | None) -> Tenant | None:
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
        chain = self._layered(node)
        if fitting:
            buffered = frozenset(name for name, account in accounts.items() if account.buffered)
            fitting.check(chain, buffered, declared.name)
        return Tenant(declared.name, declared.display_name, accounts, self._steps(chain))

    def _layered(self, node: Mapping) -> Lane:
        changes = node.get("chain")
        if not (isinstance(changes, Items) and changes.items):
            return self.chain
        layering = Layering(
            self.chain, [step.id for step in self.gate], self.whole, self.compiler.table, self._problems
        )
        for change in changes.items:
            layering.apply(change)
        for step in layering.chain:
            if step not in self.chain:
                self.lanes.check_when(step)
        return tuple(layering.chain)

    def _steps(self, chain: Lane) -> Steps | None:
        return None if chain is self.chain else self.compiler.shared(self.gate, chain)
