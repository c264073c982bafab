"""`kind: Exception`: one option of one step that is otherwise for one tenant, until a moment, with who approved it.

It is the only way in which a tenant gets something looser than a locked step allows. Behind its expiry it is
as if it were not there.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Struct, field
from pydantic import AwareDatetime, Field

from kapagate.policy import codes
from kapagate.policy.annotations import Path
from kapagate.policy.documents import HEADER, Document
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import Name, Settings
from kapagate.policy.interpolation import Interpolation
from kapagate.policy.nodes import Entry, Mapping, Node
from kapagate.policy.position import Span
from kapagate.policy.validation import Subject, place, validate

NOTICE = 14 * 86_400.0
"""Seconds before its expiry from which an exception is told of."""
_DOTTED = r"^[a-z][a-z0-9_]*(\.[a-zA-Z][a-zA-Z0-9_.-]*)*$"


class ExceptionDocument(Settings):
    """One option that a tenant has otherwise than a lock allows, until a moment."""

    name: Name | None = Field(None, description="Its name for people; tenant, step and field tell exceptions apart.")
    tenant: Name = Field(description="The tenant that it is for.")
    step: str = Field(description="The id of the step.")
    field: Annotated[str, Field(pattern=_DOTTED)] = Field(
        description="The step's option, with dots: `confidence.uncertain`; or `when`, `mode`, `on_error`."
    )
    value: Any = Field(description="What the option is for this tenant.")
    reason: str = Field(min_length=1, max_length=2000, description="Why.")
    approver: str = Field(min_length=1, max_length=200, description="Who answers for it.")
    expiry: AwareDatetime = Field(description="From this moment on it is as if it were not there.")


class Grant(Struct, frozen=True, eq=False):
    """An exception that was read. `expiry` in seconds since 1970; `place` is where its `expiry` stands."""

    document: Document
    tenant: str
    step: str
    path: Path
    value: Node
    expiry: float
    active: bool
    place: Span

    @property
    def identity(self) -> tuple[str, bool]:
        """What makes a tenant come out otherwise."""
        return self.document.digest, self.active


class Grants(Struct, frozen=True):
    """The exceptions of a policy. `lapse`: when the next of those that count now does not any more."""

    by_tenant: Map[str, tuple[Grant, ...]] = field(default_factory=dict)
    lapse: float | None = None

    def of(self, tenant: str) -> tuple[Grant, ...]:
        return self.by_tenant.get(tenant, ())


NOTHING = Grants()


def read_exceptions(
    documents: Sequence[Document],
    tenants: Sequence[str],
    now: float,
    interpolation: Interpolation,
    problems: Diagnostics,
) -> Grants:
    """The exceptions, those that lapsed included; whatever is wrong with one is noted and it does not count."""
    found: dict[str, list[Grant]] = {}
    for document in documents:
        grant = _read(document, now, interpolation, problems)
        if grant is None:
            continue
        if grant.tenant in tenants:
            found.setdefault(grant.tenant, []).append(grant)
        else:
            span = place(document.node, ("tenant",))
            problems.unknown(codes.UNKNOWN_TENANT, span, "tenant", grant.tenant, tenants)
    every = [each for grants in found.values() for each in grants]
    lapse = min((each.expiry for each in every if each.active), default=None)
    return Grants({tenant: tuple(grants) for tenant, grants in found.items()}, lapse)


def _read(document: Document, now: float, interpolation: Interpolation, problems: Diagnostics) -> Grant | None:
    node = interpolation.apply(document.node, document.folder)
    if not isinstance(node, Mapping):
        return None
    declared = validate(ExceptionDocument, Subject(node, key=document.kind_span, also=HEADER), problems)
    value = node.get("value")
    if declared is None or value is None:
        return None
    expiry, span = declared.expiry.timestamp(), place(node, ("expiry",))
    path = tuple(declared.field.split("."))
    grant = Grant(document, declared.tenant, declared.step, path, value, expiry, now < expiry, span)
    _tell(grant, declared, now, problems)
    return grant


def _tell(grant: Grant, declared: ExceptionDocument, now: float, problems: Diagnostics) -> None:
    what = f'the exception of tenant "{grant.tenant}" at {grant.step}.{declared.field}'
    at = datetime.fromtimestamp(grant.expiry, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not grant.active:
        note = "the policy counts without it; take the document away, or have it approved anew"
        problems.add(codes.LAPSED, grant.place, f"{what} expired at {at}", note=note)
    elif grant.expiry - now <= NOTICE:
        note = "from then on the step is as the lock has it"
        problems.add(codes.EXPIRING, grant.place, f"{what} expires at {at}, in less than 14 days", note=note)


def said(grant: Grant) -> str:
    """`answer.max_response_length`."""
    return ".".join((grant.step, *map(str, grant.path)))


def granted(own: Mapping, grant: Grant) -> Mapping:
    """A step's options with the exception's in place."""
    return _with(own, grant.path, grant.value, grant.document.kind_span)


def _with(node: Mapping, path: Path, value: Node, span: Span) -> Mapping:
    key = str(path[0])
    known = node.get(key)
    inner = known if isinstance(known, Mapping) else Mapping(span)
    new = value if len(path) == 1 else _with(inner, path[1:], value, span)
    return Mapping(node.span, {**node.entries, key: Entry(span, new)})
