"""What two policies let through differently, per tenant and route, in the words of the policy, each with a label.

Compared is what policies come to, not how they are written: another order of files, a default that is written out or a
role that is spelt otherwise are no change. What can be looser and cannot be compared is `unknown`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from kapagate.chain.principal import Tenant
from kapagate.policy.build import Build
from kapagate.policy.changes import ABSENT, Change, Side, joined, written
from kapagate.policy.diff_settings import (
    account_changes,
    role_changes,
    route_changes,
    settings_changes,
    upstream_changes,
)
from kapagate.policy.diff_steps import LaneDiff
from kapagate.policy.exceptions import Grant, said
from kapagate.policy.load import Loaded
from kapagate.policy.steps import Lane


def diff(before: Loaded, after: Loaded, made_up: Collection[str] = ()) -> list[Change]:
    """The changes from one policy to another, both without errors. `made_up` are the references that placeholders stand
    for. Raises ValueError where one has errors.
    """
    was, now = before.build, after.build
    if was is None or now is None or was.ground is None or now.ground is None:
        raise ValueError("only policies without errors can be compared")
    nodes = was.ground.node, now.ground.node
    upstreams = [build.ground.tenancy.accounts.upstreams for build in (was, now) if build.ground]
    return [
        *settings_changes(was.gateway, now.gateway, nodes, made_up),
        *role_changes(was.gateway.roles, now.gateway.roles, nodes),
        *upstream_changes(upstreams[0], upstreams[1], made_up),
        *route_changes(nodes, made_up),
        *_steps(was, now, made_up),
        *_tenants(was, now, made_up),
        *_exceptions(before, after),
    ]


def loosenings(changes: list[Change]) -> list[Change]:
    """Those that are looser or may be."""
    return [each for each in changes if each.loosens]


def _steps(was: Build, now: Build, made_up: Collection[str]) -> Iterator[Change]:
    lanes = _lanes(was, now, made_up)
    yield from lanes.changes(_gate(was), _gate(now))
    own = [{each.route.name: each.own for each in build.routes} for build in (was, now)]
    for route in own[0].keys() & own[1].keys():
        for each in lanes.changes(own[0][route], own[1][route]):
            yield replace(each, routes=(route,))


def _lanes(was: Build, now: Build, made_up: Collection[str]) -> LaneDiff:
    compilers = [build.ground.tenancy.compiler for build in (was, now) if build.ground]
    routes = [[each.route for each in build.routes] for build in (was, now)]
    return LaneDiff((compilers[0], compilers[1]), (routes[0], routes[1]), made_up)


def _gate(build: Build) -> Lane:
    return build.ground.lanes[0] if build.ground else ()


def _chain(build: Build, tenant: str) -> Lane:
    if build.ground is None:
        return ()
    return build.ground.tenancy.chains.get(tenant, build.ground.lanes[1])


def _tenants(was: Build, now: Build, made_up: Collection[str]) -> Iterator[Change]:
    """A tenant that is new lets in callers who were refused; one that is gone does not any more."""
    lanes = _lanes(was, now, made_up)
    found: list[Change] = []
    for name in dict.fromkeys((*was.tenants, *now.tenants)):
        first, then = was.tenants.get(name), now.tenants.get(name)
        if first and then:
            places = _place(was, name), _place(now, name)
            found += account_changes(name, first.accounts, then.accounts, places)
            found += [replace(each, tenants=(name,)) for each in lanes.changes(_chain(was, name), _chain(now, name))]
        else:
            sides = _there(first, _place(was, name)), _there(then, _place(now, name))
            found.append(Change(f"tenant {name}", "", "tighter" if first else "looser", *sides, (name,)))
    everybody = was.tenants.keys() & now.tenants.keys()
    for each in joined(found):
        shared = len(everybody) > 1 and everybody == set(each.tenants)
        yield replace(each, tenants=()) if shared else each


def _there(tenant: Tenant | None, place: str) -> Side:
    return Side("there", place) if tenant else Side(ABSENT)


def _place(build: Build, tenant: str) -> str:
    kept = build.ground.tenancy.known.get(tenant) if build.ground else None
    return str(kept.place) if kept else str(build.ground.document.kind_span) if build.ground else ""


def _exceptions(before: Loaded, after: Loaded) -> Iterator[Change]:
    """How long what is loosened stays so; the values themselves are those of steps."""
    was, now = ({(grant.tenant, said(grant)): grant for grant in loaded.grants} for loaded in (before, after))
    for key in was.keys() & now.keys():
        first, then = was[key], now[key]
        if first.expiry != then.expiry:
            later = then.expiry > first.expiry
            sides = _until(first), _until(then)
            yield Change(f"exception at {key[1]}", "expiry", "looser" if later else "tighter", *sides, (key[0],))


def _until(grant: Grant) -> Side:
    return Side(written(grant.document.node.get("expiry")), str(grant.place))
