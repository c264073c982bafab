"""What each tenant has at the upstreams: the gateway's settings with the tenant's own laid over them."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kapagate.chain.principal import Account, Tenant
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.invalid import Known, attempt
from kapagate.policy.layers import merged
from kapagate.policy.nodes import Mapping
from kapagate.policy.position import Span
from kapagate.policy.suggestion import closest
from kapagate.policy.upstreams import DeclaredUpstream
from kapagate.policy.validation import Subject, is_unresolved, place, validate

_TOGETHER = ("project", "api_key")


class Accounts(Struct, frozen=True):
    """Builds accounts. `names` are those of all upstreams, wrong ones too."""

    upstreams: Map[str, DeclaredUpstream]
    names: Sequence[str]
    problems: Diagnostics

    def of_gateway(self) -> dict[str, Account]:
        """The accounts that the Gateway document describes: those of the tenant `default`. Faults are known by now."""
        quiet = Diagnostics()
        described = [each for each in self.upstreams.values() if each.has_accounts]
        found = {each.name: _account(each, each.own, quiet, each.key) for each in described}
        return {name: account for name, account in found.items() if account}

    def is_open(self) -> bool:
        """Whether the gateway may have an account that cannot be told while a reference stands for nothing."""
        return any(each.has_accounts and is_unresolved(each.own) for each in self.upstreams.values())

    def of_tenant(self, node: Mapping | None, name: str, span: Span) -> dict[str, Account]:
        """A tenant's accounts at all upstreams that have any. `span` is where the tenant's name stands."""
        accounts: dict[str, Account] = {}
        if node:
            self.check_names(node)
        for upstream in self.upstreams.values():
            if upstream.upstream is None or not upstream.has_accounts:
                continue
            own = node.get(upstream.name) if node else None
            whole = merged(upstream.own, own) if isinstance(own, Mapping) else upstream.own
            if isinstance(own, Mapping) and upstream.has_projects:
                self._check_together(own, upstream.name)
            before = self.problems.errors
            where = node.key_span(upstream.name) if node and own else span
            account = _account(upstream, whole, self.problems, where) if isinstance(whole, Mapping) else None
            if account:
                accounts[upstream.name] = account
            elif upstream.has_projects and self.problems.errors == before and not is_unresolved(whole):
                message = f'tenant "{name}" has no project and api_key at upstream "{upstream.name}"'
                self.problems.add(codes.NO_ACCOUNT, span, message)
        return accounts

    def _check_together(self, own: Mapping, upstream: str) -> None:
        given = [key for key in _TOGETHER if key in own.entries]
        if len(given) == 1:
            other = next(key for key in _TOGETHER if key not in given)
            message = f'"{given[0]}" needs "{other}" beside it: a tenant\'s project and key go together'
            self.problems.add(codes.MISSING, own.key_span(given[0]), message)

    def check_names(self, node: Mapping) -> None:
        for name, entry in node.entries.items():
            known = self.upstreams.get(name)
            if name not in self.names:
                suggestion = closest(name, self.names)
                message = f'unknown upstream "{name}"'
                self.problems.add(codes.UNKNOWN_UPSTREAM, entry.span, message, suggestion=suggestion)
            elif known and not known.has_accounts:
                message = f'upstream "{name}" has no accounts: it is the same for every tenant'
                self.problems.add(codes.UNKNOWN_UPSTREAM, entry.span, message)


def _account(upstream: DeclaredUpstream, node: Mapping, problems: Diagnostics, where: Span) -> Account | None:
    """What is not there is missed at `where`."""
    made: Any = validate(upstream.model, Subject(node, f"upstreams.{upstream.name}", where), problems)
    if made is None:
        return None
    account: Account | None = attempt(made.account, where, lambda path: place(node, path, where), Known(), problems)
    return account


def shared_projects(tenants: Sequence[tuple[str, Span, Map[str, Account]]], problems: Diagnostics) -> frozenset[str]:
    """The projects, in lower case, that several tenants have; each is warned of. Their threads and answers are kept
    apart by who owns them; what Kapa says of a project as a whole is not.
    """
    owners: dict[str, dict[str, Span]] = {}
    for name, span, accounts in tenants:
        for account in accounts.values():
            if not account.project:
                continue
            owners.setdefault(account.project.lower(), {})[name] = span
    shared = {project: sharing for project, sharing in owners.items() if len(sharing) > 1}
    for sharing in shared.values():
        said = ", ".join([*sharing][:4]) + (", ..." if len(sharing) > 4 else "")
        message = (
            f"{len(sharing)} tenants share a Kapa project ({said}): threads and answers are kept apart here, but its "
            "statistics, clusters and end users are those of all of them"
        )
        problems.add(codes.SHARED_PROJECT, [*sharing.values()][-1], message)
    return frozenset(shared)


def marked(tenant: Tenant, shared: frozenset[str]) -> Tenant:
    """The tenant, whose accounts know which of their projects other tenants have too."""
    if not any(account.project.lower() in shared for account in tenant.accounts.values()):
        return tenant
    accounts = {
        upstream: replace(account, shared=account.project.lower() in shared)
        for upstream, account in tenant.accounts.items()
    }
    return replace(tenant, accounts=accounts)
