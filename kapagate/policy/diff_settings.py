"""What of two policies is not a step: the gateway's settings, roles, upstreams, routes. One order for each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as Map

from msgspec.structs import replace
from pydantic import BaseModel

from kapagate.access.permissions import known_permissions
from kapagate.access.roles import RoleDeclaration, Roles
from kapagate.chain.order import FEWER, FEWER_OR_ALL, LOWER, MORE, NEUTRAL, Label, Order, label, ranked
from kapagate.chain.principal import Account
from kapagate.policy.annotations import Path
from kapagate.policy.changes import ABSENT, Change, Side, at, side, written
from kapagate.policy.diff_guesses import honest, unseen
from kapagate.policy.gateway import Gateway, RouteDeclaration
from kapagate.policy.nodes import Mapping, Node, plain
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.order import compared, opposite
from kapagate.policy.position import Span
from kapagate.policy.upstreams import DeclaredUpstream
from kapagate.policy.validation import place

_GATEWAY: Map[str, Order] = {
    "name": NEUTRAL,
    "listen.public_url": NEUTRAL,
    "listen.limits": LOWER,
    "listen.deadlines": NEUTRAL,
    "listen.shutdown": NEUTRAL,
    "listen.trusted_hops": FEWER,
    "tenant_secrets": FEWER,
}
_ROUTE: Map[str, Order] = {
    "public": ranked(True, False),
    "on_uninspectable": ranked("pass", "refuse"),
    "path": ranked("opaque", "canonical"),
    "text": MORE,
    "question": MORE,
    "idempotent": NEUTRAL,
}
_UPSTREAM: Map[str, Order] = {
    "stream": ranked("window", "buffer"),
    "source_groups": FEWER_OR_ALL,
    "agent_session": ranked("unguarded", "on", "off"),
    "timeouts": NEUTRAL,
    "connections": NEUTRAL,
    "integration_id": NEUTRAL,
}
_ACCOUNT: Map[str, Order] = {
    "buffered": ranked(False, True),
    "source_groups": FEWER_OR_ALL,
    "integration_id": NEUTRAL,
    "shared": NEUTRAL,
}
_LOOSER: Label = "looser"
_TIGHTER: Label = "tighter"
_APART = {"roles", "upstreams", "gate", "chain", "routes"}


def settings_changes(
    before: Gateway, after: Gateway, nodes: tuple[Mapping, Mapping], made_up: Collection[str] = ()
) -> Iterator[Change]:
    """Of all that is not told apart."""
    hidden = {name: getattr(before, name) for name in _APART}
    yield from _compared("gateway", before, after.model_copy(update=hidden), nodes, _GATEWAY, made_up, _APART)


def _compared(
    subject: str,
    before: BaseModel,
    after: BaseModel,
    nodes: tuple[Node | None, Node | None],
    orders: Map[str, Order],
    made_up: Collection[str],
    apart: Collection[str] = (),
) -> Iterator[Change]:
    told: list[Path] = [(name,) for name in apart]
    for each in compared(before, after):
        told.append(each.path)
        name = ".".join(map(str, each.path))
        order = next((order for key, order in orders.items() if name == key or name.startswith(f"{key}.")), None)
        known = order.compare(each.before, each.after) if order else each.label
        sides = [_side(node, each.path, value) for node, value in zip(nodes, (each.before, each.after), strict=True)]
        yield Change(subject, name, honest(known, sides[0], sides[1], made_up), sides[0], sides[1])
    for path in unseen(*nodes, told, made_up):
        sides = [_side(node, path, None) for node in nodes]
        yield Change(subject, ".".join(map(str, path)), "unknown", sides[0], sides[1])


def _side(node: Node | None, path: Path, value: object) -> Side:
    return side(node, path, place(node, path) if isinstance(node, Mapping) else Span("?"), value)


def role_changes(
    before: Map[str, RoleDeclaration], after: Map[str, RoleDeclaration], nodes: tuple[Mapping, Mapping]
) -> Iterator[Change]:
    """What each role may do, however it is written: permissions that it gives, and takes from whoever has it."""
    universe = sorted(known_permissions(_route_names(nodes[0]) | _route_names(nodes[1])))
    was, now = Roles(before), Roles(after)
    for role in dict.fromkeys((*before, *after)):
        for field, tells, gained in (("allow", _allows, _LOOSER), ("deny", _denies, _TIGHTER)):
            places = [_role_side(node, role, field) for node in nodes]
            first, then = ({each for each in universe if tells(roles, role, each)} for roles in (was, now))
            for more, told in ((then - first, gained), (first - then, opposite(gained))):
                if more:
                    yield Change(f"role {role}", field, told, *_gained(places, more, told == gained))
    if [each for each in before if each in after] != [each for each in after if each in before]:
        yield Change("roles", "order", "unknown", Side(", ".join(before)), Side(", ".join(after)))


def _allows(roles: Roles, role: str, permission: str) -> bool:
    return roles.allows((role,), permission)


def _denies(roles: Roles, role: str, permission: str) -> bool:
    return roles.denies(role, permission)


def _gained(places: Sequence[Side], names: set[str], gained: bool) -> tuple[Side, Side]:
    said = Side(", ".join(sorted(names)), places[1 if gained else 0].place)
    none = Side("not these", places[0 if gained else 1].place)
    return (none, said) if gained else (said, none)


def _role_side(node: Mapping, role: str, field: str) -> Side:
    roles = node.get("roles")
    known = isinstance(roles, Mapping) and role in roles.entries
    return Side("", str(place(node, ("roles", role, field))) if known else "")


def _route_names(node: Mapping) -> set[str]:
    return {str(plain(found)) for each in _items(node) if (found := at(each, ("name",)))}


def _items(node: Mapping) -> Sequence[Node]:
    routes = node.get("routes")
    return routes.items if isinstance(routes, Items) else ()


def route_changes(nodes: tuple[Mapping, Mapping], made_up: Collection[str] = ()) -> Iterator[Change]:
    """Of the declared routes, by name: one more is looser, one less tighter."""
    was, now = ({str(plain(found)): each for each in _items(node) if (found := at(each, ("name",)))} for node in nodes)
    for name in dict.fromkeys((*was, *now)):
        first, then = was.get(name), now.get(name)
        if first is None or then is None:
            known: Label = "looser" if first is None else "tighter"
            yield Change(f"route {name}", "", known, _presence(first), _presence(then), (), (name,))
            continue
        declared = RouteDeclaration.model_validate(plain(first)), RouteDeclaration.model_validate(plain(then))
        for each in _compared(f"route {name}", *declared, (first, then), _ROUTE, made_up):
            known = _match(declared) if each.field == "match" else each.label
            yield replace(each, label=known, routes=(name,))


def _match(declared: tuple[RouteDeclaration, RouteDeclaration]) -> Label:
    """Fewer methods at the same path are tighter."""
    (methods, path), (others, other) = (each.match.split(None, 1) for each in declared)
    first, then = set(methods.split("|")), set(others.split("|"))
    return label(then <= first, first <= then) if path == other and "*" not in first | then else "unknown"


def _presence(node: Node | None) -> Side:
    return Side(written(node), str(place(node, ("name",))) if isinstance(node, Mapping) else "")


def upstream_changes(
    before: Map[str, DeclaredUpstream], after: Map[str, DeclaredUpstream], made_up: Collection[str] = ()
) -> Iterator[Change]:
    """One more can be asked, so it is looser; its address and key cannot be compared."""
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            known: Label = "looser" if was is None else "tighter"
            sides = [Side(written(each.own), str(each.key)) if each else Side(ABSENT) for each in (was, now)]
            yield Change(f"upstream {name}", "", known, sides[0], sides[1])
        elif was.model is not now.model or not (was.upstream and now.upstream):
            yield Change(
                f"upstream {name}", "type", "unknown", _side(was.own, ("type",), None), _side(now.own, ("type",), None)
            )
        else:
            declared = was.upstream.declaration, now.upstream.declaration
            if declared[0] is not None and declared[1] is not None:
                nodes = was.own, now.own
                yield from _compared(f"upstream {name}", declared[0], declared[1], nodes, _UPSTREAM, made_up)


def account_changes(
    tenant: str, before: Map[str, Account], after: Map[str, Account], places: tuple[str, str]
) -> Iterator[Change]:
    """What a tenant has at the upstreams; keys are told as references."""
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        subject = f"account at {name}"
        if was is None or now is None:
            known: Label = "looser" if was is None else "tighter"
            sides = [Side("there", at) if each else Side(ABSENT) for each, at in zip((was, now), places, strict=True)]
            yield Change(subject, "", known, sides[0], sides[1], (tenant,))
            continue
        first, then = _told(was), _told(now)
        for field in first:
            if first[field] != then[field]:
                order = _ACCOUNT.get(field)
                label = order.compare(first[field], then[field]) if order else "unknown"
                sides = [Side(str(value), at) for value, at in zip((first[field], then[field]), places, strict=True)]
                yield Change(subject, field, label, sides[0], sides[1], (tenant,))


def _told(account: Account) -> dict[str, object]:
    told = {name: getattr(account, name) for name in account.__struct_fields__}
    return {**told, "api_key": account.api_key.reference}
