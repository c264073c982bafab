"""The reference of the policy, written from the models that read it: `docs/reference.md`.

Nothing here is said twice: what a field is for stands in its description, what a filter does in its docstring, what it
needs in its compiled step, and the examples are lines of the example policy.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import get_args

from pydantic import BaseModel

from kapagate.access.endpoints import ENDPOINTS
from kapagate.access.roles import RoleDeclaration
from kapagate.chain.compose import Placed
from kapagate.chain.filter import Filter
from kapagate.chain.options import Options
from kapagate.chain.order import order_of
from kapagate.kapa.operations import OPERATIONS
from kapagate.policy.environment import EnvironmentDocument
from kapagate.policy.exceptions import ExceptionDocument
from kapagate.policy.gateway import Gateway, RouteDeclaration
from kapagate.policy.table import Table
from kapagate.policy.tenant import Change, TenantDocument
from kapagate.policy.wording import default_of, models_within, type_of

_INTRODUCTION = """\
# Reference

Written from the models that read the policy (`make reference`); what the parts are for is told in
[policy.md](policy.md). An empty default means that the field may be left out.

Types: a *duration* is `250ms`, `30s`, `5m`, `1h` or `7d`; a *size* is `512B`, `4KiB`, `1MiB` or `2GiB`; a *rate* is
`5/s`, `60/min`, `100/h`, `1000/day` or `20000/month`; a *secret* is exactly one reference, `${env:NAME}` or
`${file:PATH}`."""
_WHERE = {
    ("Gateway", "gate"): "list of [steps](#steps)",
    ("Gateway", "chain"): "list of [steps](#steps)",
    ("Gateway", "routes"): "list of [routes](#routes)",
    ("Gateway", "roles"): "mapping of names to [roles](#roles)",
    ("Gateway", "upstreams"): "mapping of names to [upstreams](#upstream-types)",
    ("Gateway", "admin_keys"): "the fields of [api_key](#api_key)",
    ("TenantDocument", "chain"): "list of [changes](#changes)",
    ("EnvironmentDocument", "gate"): "list of [changes](#changes)",
    ("EnvironmentDocument", "chain"): "list of [changes](#changes)",
    ("EnvironmentDocument", "routes"): "list of [routes](#routes)",
    ("Change", "add"): "a [step](#steps)",
    ("Change", "set"): "mapping of the filter's fields",
    ("Identify", "schemes"): "list of [schemes](#schemes), not empty",
}
"""Fields whose model is chosen by a name within them."""


def reference(table: Table, steps: Sequence[Placed], policy: str) -> str:
    """The Markdown. `steps` are the example policy's, compiled; `policy` is its text, where the examples are from."""
    parts = [
        _INTRODUCTION,
        *_documents(),
        *_steps(table, steps, policy),
        *_declarations("Schemes", {name: table.scheme(name) for name in table.schemes}, policy),
        *_declarations("Upstream types", {name: table.upstream(name) for name in table.upstreams}, policy),
        *_operations(),
        *_endpoints(),
    ]
    return "\n\n".join(parts) + "\n"


def _documents() -> Iterator[str]:
    yield from ("## kind: Gateway", _docstring(Gateway), _table(Gateway))
    yield from ("### Roles", _docstring(RoleDeclaration), _table(RoleDeclaration))
    yield from ("### Routes", _docstring(RouteDeclaration), _table(RouteDeclaration))
    yield from ("## kind: Environment", _docstring(EnvironmentDocument), _table(EnvironmentDocument))
    yield from ("## kind: Tenant", _docstring(TenantDocument), _table(TenantDocument))
    yield from ("### Changes", _docstring(Change), _table(Change))
    yield from ("## kind: Exception", _docstring(ExceptionDocument), _table(ExceptionDocument))


def _steps(table: Table, steps: Sequence[Placed], policy: str) -> Iterator[str]:
    yield "## Steps"
    yield f"A step is one filter by its name, with its own fields below it, and beside it:\n\n{_table(Options)}"
    for name in table.filters:
        model, placed = table.filter(name), [step for step in steps if step.name == name]
        facts = [*_facts(placed, steps), *_surfaces(placed), _modes(model)]
        yield from (f"### {name}", _docstring(model), _table(model), _bulleted(facts), example(policy, name))


def _declarations(title: str, models: Mapping[str, type[BaseModel]], policy: str) -> Iterator[str]:
    yield f"## {title}"
    for name, model in models.items():
        yield from (f"### {name}", _docstring(model), _table(model), example(policy, name))


def _operations() -> Iterator[str]:
    yield "## Kapa's operations"
    yield (
        "In `when: {route: [...]}` an operation is `kapa.<operation>` or the permission, which covers all operations "
        "that ask for it. What is not a listed field of the body, or of the query of a `GET`, never leaves; see "
        "[kapa.md](kapa.md)."
    )
    rows = [
        (
            f"`{each.name}`",
            f"`{each.method} {each.template}`",
            f"`{each.permission}`",
            ", ".join(f"`{name}`" for name in each.fields),
        )
        for each in OPERATIONS.values()
    ]
    yield _rows(("operation", "address", "permission", "fields that may pass"), rows)


def _endpoints() -> Iterator[str]:
    yield "## Endpoints"
    yield "The gateway's own, on the admin address; a route may `serve:` them on the data address too."
    rows = [(f"`{name}`", f"`{each.method} {each.path}`", f"`{each.permission}`") for name, each in ENDPOINTS.items()]
    yield _rows(("name", "address", "permission"), rows)


def _docstring(model: type[BaseModel]) -> str:
    return inspect.getdoc(model) or ""


def _table(model: type[BaseModel]) -> str:
    rows = list(_fields(model, ""))
    return _rows(("field", "type", "default", "what it is"), rows) if rows else "It has no fields of its own: `{}`."


def _fields(model: type[BaseModel], above: str) -> Iterator[tuple[str, ...]]:
    """A row per field, and below it the rows of the model that it holds. `type` chose the model: it is the heading."""
    for name, field in model.model_fields.items():
        if name == "type":
            continue
        said = _WHERE.get((model.__name__, name))
        order = order_of(field.metadata)
        told = " ".join(_sentence(text) for text in (field.description or "", str(order or "")) if text)
        yield f"`{above}{name}`", said or type_of(field), default_of(field), told
        for within, suffix in () if said else models_within(field):
            yield from _fields(within, f"{above}{name}{suffix}.")


def _sentence(text: str) -> str:
    """Descriptions begin and end alike, whoever wrote them."""
    text = text[:1].upper() + text[1:]
    return _outside_code(text if text.endswith(".") else f"{text}.")


def _outside_code(text: str) -> str:
    """Angle brackets are markup, except between backticks."""
    parts = text.split("`")
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


def _facts(placed: Sequence[Placed], steps: Sequence[Placed]) -> Iterator[str]:
    """`Needs an earlier identify`: which step writes what this one reads."""
    reading = [step for step in placed if step.step.reads]
    facts = {fact for step in reading for fact in step.step.reads}
    writers = sorted({step.name for step in steps if step.step.writes & facts})
    if writers:
        free = [f"`{step.id}`" for step in placed if not step.step.reads]
        besides = f" (in the example policy {' and '.join(free)} does not)" if free else ""
        yield f"Needs an earlier {' and '.join(f'`{name}`' for name in writers)}{besides}."


def _surfaces(placed: Sequence[Placed]) -> Iterator[str]:
    needs = {surface: option for step in placed for surface, option in step.step.needs.items()}
    if needs:
        said = "; ".join(f"{surface} (for `{option}`)" for surface, option in sorted(needs.items()))
        yield f"Works on: {said}. A route that hides it declares it, or says `on_uninspectable`."


def _modes(model: type[Filter]) -> str:
    return f"`mode`: {_choices('mode', model.modes)}. `on_error`: {_choices('on_error', model.failures)}."


def _choices(option: str, allowed: Container[str]) -> str:
    """What of a common option is allowed, in the order in which it names its choices."""
    return ", ".join(f"`{word}`" for word in get_args(Options.model_fields[option].annotation) if word in allowed)


def _bulleted(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line).rstrip() + " |" for line in lines)


def example(policy: str, name: str) -> str:
    """The first lines of a policy that use a filter, a scheme or an upstream type, as a block of YAML."""
    lines = policy.splitlines()
    for index, line in enumerate(lines):
        if re.match(rf"\s*- {name}:", line):
            return _block(lines, index)
        if re.match(rf"\s*type: {name}\s*(#|$)", line):
            above = (number for number in range(index, -1, -1) if _indent(lines[number]) < _indent(line))
            return _block(lines, next(above))
    raise LookupError(f"no policy shows {name}")


def _block(lines: Sequence[str], start: int) -> str:
    """A line and what is indented below it."""
    margin, end = _indent(lines[start]), start + 1
    while end < len(lines) and lines[end].strip() and _indent(lines[end]) > margin:
        end += 1
    return "\n".join(["```yaml", *(line[margin:] for line in lines[start:end]), "```"])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
