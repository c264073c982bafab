"""The upstreams of a policy: each read by its type, compiled, and given its hop."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from kapagate.chain.hop import Endpoint, Hop, Hops
from kapagate.chain.route import Route
from kapagate.chain.services import Services
from kapagate.chain.upstream import Upstream, UpstreamType
from kapagate.policy import codes
from kapagate.policy.annotations import names
from kapagate.policy.finding import Diagnostics
from kapagate.policy.invalid import Known, attempt
from kapagate.policy.nodes import Entry, Mapping, Scalar, described
from kapagate.policy.position import Span
from kapagate.policy.suggestion import closest
from kapagate.policy.table import Table
from kapagate.policy.validation import Subject, place, validate

_FILES = ("ca_file", "client_cert", "client_key")


class DeclaredUpstream(Struct, frozen=True, eq=False):
    """An upstream of the policy. `upstream` is None when it could not be compiled; `routes` come along with it."""

    name: str
    model: type[UpstreamType]
    own: Mapping
    key: Span
    upstream: Upstream | None = None
    routes: Sequence[Route] = ()

    @property
    def has_accounts(self) -> bool:
        """Whether tenants have accounts there."""
        return hasattr(self.model, "account")

    @property
    def buffers(self) -> bool:
        """Whether streams are held to their end, whoever asks."""
        declared = self.upstream and self.upstream.declaration
        return getattr(declared, "stream", "window") == "buffer"

    @property
    def has_projects(self) -> bool:
        """Whether an account is a project's, so that every tenant needs one; elsewhere it is there for who has one."""
        return "project" in self.model.model_fields

    def place(self, path: tuple[str | int, ...]) -> Span:
        return place(self.own, path, self.key)


def read_upstreams(
    node: Mapping, table: Table, services: Services, body_limit: int, problems: Diagnostics
) -> dict[str, DeclaredUpstream]:
    """Every upstream whose type is known, by name."""
    found = (_read(name, entry, table, services, body_limit, problems) for name, entry in node.entries.items())
    return {each.name: each for each in found if each}


def _read(
    name: str, entry: Entry, table: Table, services: Services, body_limit: int, problems: Diagnostics
) -> DeclaredUpstream | None:
    model = _model_of(name, entry, table, problems)
    if model is None or not isinstance(entry.value, Mapping):
        return None
    own = entry.value
    if "type" not in names(model):
        own = Mapping(own.span, {key: each for key, each in own.entries.items() if key != "type"})
    declared = DeclaredUpstream(name, model, own, entry.span)
    made = validate(model, Subject(own, f"upstreams.{name}", entry.span, also=("type",)), problems)
    if made is None:
        return declared
    compiled = attempt(lambda: made.compile(name, services), entry.span, declared.place, Known(), problems)
    if compiled is None:
        return declared
    hop = _opened(services[Hops], compiled.endpoint, declared, problems)
    if hop is None:
        return declared
    upstream = Upstream(name, compiled.adapter, hop, made)
    routes = [replace(route, upstream=upstream, body_limit=body_limit) for route in compiled.routes]
    return replace(declared, upstream=upstream, routes=routes)


def _opened(hops: Hops, endpoint: Endpoint, declared: DeclaredUpstream, problems: Diagnostics) -> Hop | None:
    """The hop; without one when a file of certificates or keys cannot be used, and that is noted."""
    try:
        return hops.open(endpoint)
    except OSError as cause:
        option, file = _at_fault(endpoint)
        message = f"the file {file} cannot be used: {cause.strerror or cause}"
        problems.add(codes.UNWORKABLE, declared.place((option,)), message)
        return None


def _at_fault(endpoint: Endpoint) -> tuple[str, str]:
    """The option and the file that cannot be read; where all can, the first of them."""
    named = [(option, file) for option in _FILES if (file := getattr(endpoint, option))]
    return next(
        (each for each in named if not os.access(each[1], os.R_OK)), named[0] if named else ("url", "of authorities")
    )


def _model_of(name: str, entry: Entry, table: Table, problems: Diagnostics) -> type[UpstreamType] | None:
    if not isinstance(entry.value, Mapping):
        problems.add(codes.WRONG_TYPE, entry.span, f"an upstream is a mapping, not {described(entry.value)}")
        return None
    kind = entry.value.get("type")
    known = sorted(table.upstreams)
    if kind is None:
        near = closest("type", entry.value.entries)
        span = entry.value.key_span(near) if near else entry.span
        message = f'"type" is missing in upstreams.{name}: it is {" or ".join(known)}'
        problems.add(codes.MISSING, span, message, suggestion=near and "type")
    elif not (isinstance(kind, Scalar) and kind.value in table.upstreams):
        word = kind.text if isinstance(kind, Scalar) else described(kind)
        problems.unknown(codes.UNKNOWN_NAME, kind.span, "upstream type", word, known)
    else:
        try:
            return table.upstream(str(kind.value))
        except (ImportError, AttributeError) as cause:
            problems.add(codes.UNKNOWN_NAME, kind.span, f"{kind.value} cannot be loaded: {cause}")
    return None
