"""Steps as a policy writes them, and as they are compiled: once per distinct declaration, shared by all tenants."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any, TypeVar, get_args

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel

from kapagate.chain.compose import Placed, Steps
from kapagate.chain.filter import Filter
from kapagate.chain.options import Options
from kapagate.chain.scheme import Scheme
from kapagate.chain.secret import Resolved
from kapagate.chain.services import SHADOW, Services
from kapagate.chain.step import Step
from kapagate.policy import codes
from kapagate.policy.annotations import Path, names
from kapagate.policy.finding import Diagnostics
from kapagate.policy.invalid import Known, attempt
from kapagate.policy.nodes import Entry, Mapping, Node, Scalar, Sequence, described, plain
from kapagate.policy.position import Span
from kapagate.policy.suggestion import closest
from kapagate.policy.table import Table
from kapagate.policy.validation import Subject, place, salvage, validate

log = logging.getLogger(__name__)
M = TypeVar("M", bound=BaseModel)
OPTION_KEYS = tuple(names(Options))


class StepDeclaration(Struct, frozen=True, eq=False):
    """A step of an effective chain. `own` are the filter's options, `common` those that stand beside them; `origin` is
    where the filter's name stands. `route`: the route whose own gate it is of."""

    filter: str
    own: Mapping
    common: Mapping
    options: Options
    origin: Span
    route: str = ""

    @property
    def id(self) -> str:
        """Unique over gate and chain; that of a route's own step has a dot, which no other has."""
        return f"{self.route}.{self.filter}" if self.route else self.options.id or self.filter

    def place(self, path: Path) -> Span:
        """Where an option stands, or the closest above it."""
        if path and path[0] in OPTION_KEYS:
            return place(self.common, path, self.origin)
        return place(self.own, _through_names(self.own, path), self.origin)


Lane = tuple[StepDeclaration, ...]
"""The steps of a gate or of a chain, in order."""


def read_step(node: Node, table: Table, problems: Diagnostics) -> StepDeclaration | None:
    """An entry of a gate or chain: one filter's name with its options, and the common options beside it."""
    if not isinstance(node, Mapping):
        example = f" (`{node.value}: {{}}`)" if isinstance(node, Scalar) and node.value in table.filters else ""
        message = f"a step is a mapping with a filter's name{example}, not {described(node)}"
        problems.add(codes.STEP_SHAPE, node.span, message)
        return None
    name = _filter_of(node, table, problems)
    common = Mapping(node.span, {key: entry for key, entry in node.entries.items() if key != name})
    if name is None:
        return None
    own = node.entries[name]
    if not isinstance(own.value, Mapping):
        message = f"expected a mapping, found {described(own.value)}; without options it is `{name}: {{}}`"
        problems.add(codes.WRONG_TYPE, own.span, message)
    model = _import(table.filter, name, own.span, problems)
    elsewhere = {key: f"under {name}" for key in (names(model) if model else ()) if key not in OPTION_KEYS}
    options = salvage(Options, Subject(common, f"the step {name}", own.span, elsewhere=elsewhere), problems)
    if model is None or not isinstance(own.value, Mapping):
        return None
    return StepDeclaration(name, own.value, common, options or Options(), own.span)


def _filter_of(node: Mapping, table: Table, problems: Diagnostics) -> str | None:
    """The one key of a step that names a filter."""
    candidates = [key for key in node.entries if key not in OPTION_KEYS]
    known = [key for key in candidates if key in table.filters]
    if len(known) == 1:
        return known[0]
    if known:
        spans = [node.key_span(key) for key in known]
        problems.add(codes.STEP_SHAPE, spans[1], f'a step has one filter; "{known[0]}" stands here already')
    elif not candidates:
        span = next(iter(node.entries.values())).span if node.entries else node.span
        problems.add(codes.STEP_SHAPE, span, "the step names no filter")
    for key in candidates if not known else ():
        option = closest(key, OPTION_KEYS)
        if len(candidates) > 1 and option and not isinstance(node.get(key), Mapping):
            message = f'unknown field "{key}" in the step'
            problems.add(codes.UNKNOWN_FIELD, node.key_span(key), message, suggestion=option)
        else:
            problems.unknown(codes.UNKNOWN_NAME, node.key_span(key), "filter", key, sorted(table.filters))
    return None


class StepCompiler:
    """Compiles declarations and keeps what it compiled. `known` names what messages may suggest."""

    def __init__(self, table: Table, services: Services, problems: Diagnostics, known: Known) -> None:
        self.table = table
        self._services = services
        self._problems = problems
        self._known = known
        self._placed: dict[StepDeclaration, Placed | None] = {}
        self._equal: dict[tuple[str, str, int, Options], Placed] = {}
        self._steps: dict[tuple[str, str, str], tuple[Filter, Step] | None] = {}
        self._shared: dict[tuple[Placed, ...], Steps] = {}
        self._few = 0

    def placed(self, declaration: StepDeclaration) -> Placed | None:
        """The compiled step; None when something is wrong, and then all of it is noted."""
        if declaration not in self._placed:
            compiled = self._compiled(declaration)
            self._placed[declaration] = self._with_options(declaration, *compiled) if compiled else None
        return self._placed[declaration]

    def _with_options(self, declaration: StepDeclaration, made: Filter, step: Step) -> Placed:
        """The same for equal declarations, so that their chains are the same as well."""
        name, options = declaration.filter, declaration.options
        if options.locked and not made.lockable:
            message = f"{name} with these options promises nothing that could be locked"
            self._problems.add(codes.STEP_OPTION, declaration.place(("locked",)), message)
        key = (name, declaration.id, id(step), options)
        return self._equal.setdefault(key, Placed(declaration.id, name, step, options, made))

    def shared(self, gate: Iterable[StepDeclaration], chain: Iterable[StepDeclaration]) -> Steps:
        """Gate and chain compiled, as far as they can be; tenants with equal chains get the same."""
        first, then = (tuple(step for each in lane if (step := self.placed(each))) for lane in (gate, chain))
        return self._shared.setdefault(then, Steps(first, then))

    def keep(self, declarations: Iterable[StepDeclaration], shared: Collection[Steps]) -> None:
        """Forgets what only other declarations came to, and chains that are not among those `shared`. Costs nothing
        while there is little to forget.
        """
        if len(self._placed) < 2 * self._few + 64:
            return
        self._placed = {each: self._placed[each] for each in declarations if each in self._placed}
        self._few = len(self._placed)
        placed = {each for each in self._placed.values() if each}
        steps = {id(each.step) for each in placed}
        self._equal = {key: each for key, each in self._equal.items() if each in placed}
        self._steps = {key: made for key, made in self._steps.items() if made and id(made[1]) in steps}
        self._shared = {then: each for then, each in self._shared.items() if each in shared}

    def _compiled(self, declaration: StepDeclaration) -> tuple[Filter, Step] | None:
        key = (declaration.filter, _scope(declaration), _identity(declaration.own))
        if key not in self._steps:
            self._steps[key] = self._compile(declaration)
        return self._steps[key]

    def _compile(self, declaration: StepDeclaration) -> tuple[Filter, Step] | None:
        model = _import(self.table.filter, declaration.filter, declaration.origin, self._problems)
        if model is None or not self._takes_options(model, declaration):
            return None
        above = dict.fromkeys(OPTION_KEYS, f"beside {declaration.filter}")
        subject = Subject(declaration.own, declaration.filter, declaration.origin, elsewhere=above)
        made = declare(model, subject, self.table, self._problems)
        if made is None:
            return None
        services = self._services.scoped(_scope(declaration))
        step = attempt(
            lambda: made.compile(services), declaration.origin, declaration.place, self._known, self._problems
        )
        return (made, step) if step else None

    def _takes_options(self, model: type[Filter], declaration: StepDeclaration) -> bool:
        options, before = declaration.options, self._problems.errors
        for key, value, allowed in (
            ("mode", options.mode, model.modes),
            ("on_error", options.on_error, model.failures),
        ):
            if value not in allowed:
                message = f'{declaration.filter} cannot have "{key}: {value}"'
                note = f"it takes {', '.join(sorted(allowed))}"
                self._problems.add(codes.STEP_OPTION, declaration.place((key,)), message, note=note)
        if model.remote and len(model.failures) > 1 and "on_error" not in declaration.common.entries:
            message = f"{declaration.filter} asks another machine: say what its failure means"
            note = "`on_error: deny` refuses the request then, `on_error: allow` lets it pass"
            self._problems.add(codes.UNDECIDED, declaration.origin, message, note=note)
        return self._problems.errors == before


def _scope(declaration: StepDeclaration) -> str:
    """Whose state a step's is: its own, and a shadow's is never that of the step that it shadows."""
    return f"{SHADOW}{declaration.id}" if declaration.options.mode == "shadow" else declaration.id


def declare(model: type[M], subject: Subject, table: Table, problems: Diagnostics) -> M | None:
    """A declaration as its model. Where a field takes schemes, each is found by its single key and read by itself."""
    prepared: dict[str, Any] = {}
    broken: set[str] = set()
    for name in _lists_of_schemes(model):
        node = subject.node.get(name)
        if isinstance(node, Sequence):
            schemes = [read_scheme(item, table, problems) for item in node.items]
            prepared[name] = [scheme for scheme in schemes if scheme]
            broken |= {name} if None in schemes else set()
    return validate(model, replace(subject, prepared=prepared, broken=frozenset(broken)), problems)


@cache
def _lists_of_schemes(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(name for name, info in model.model_fields.items() if _takes_schemes(info.annotation))


def _takes_schemes(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Scheme):
        return True
    return any(_takes_schemes(argument) for argument in get_args(annotation))


def read_scheme(node: Node, table: Table, problems: Diagnostics) -> Scheme | None:
    """`{jwt: {...}}` as the declaration of that scheme."""
    if not (isinstance(node, Mapping) and len(node.entries) == 1):
        message = f"expected one scheme by its name, such as {{api_key: {{...}}}}, found {described(node)}"
        extra = list(node.entries.values())[1:] if isinstance(node, Mapping) else []
        problems.add(codes.WRONG_TYPE, extra[0].span if extra else node.span, message)
        return None
    name, entry = next(iter(node.entries.items()))
    if name not in table.schemes:
        problems.unknown(codes.UNKNOWN_NAME, entry.span, "scheme", name, sorted(table.schemes))
        return None
    model = _import(table.scheme, name, entry.span, problems)
    return validated_at(model, entry, name, problems) if model else None


def validated_at(model: type[M], entry: Entry, name: str, problems: Diagnostics) -> M | None:
    """A key's value as a model."""
    if not isinstance(entry.value, Mapping):
        message = f"expected a mapping, found {described(entry.value)}"
        problems.add(codes.WRONG_TYPE, entry.span, message)
        return None
    return validate(model, Subject(entry.value, name, entry.span), problems)


def _import(find: Callable[[str], type[M]], name: str, span: Span, problems: Diagnostics) -> type[M] | None:
    try:
        return find(name)
    except (ImportError, AttributeError) as cause:
        log.debug("%s cannot be imported", name, exc_info=True)
        problems.add(codes.UNKNOWN_NAME, span, f"{name} cannot be loaded: {cause}")
        return None


def _through_names(node: Node, path: Path) -> Path:
    """A declaration's path as it is in the file, where each scheme stands below its own name."""
    found: list[str | int] = []
    current = node
    for part in path:
        if isinstance(current, Mapping) and isinstance(part, str) and part not in current.entries:
            if len(current.entries) != 1 or not found or not isinstance(found[-1], int):
                break
            name, entry = next(iter(current.entries.items()))
            found.append(name)
            current = entry.value
        found.append(part)
        if isinstance(current, Mapping) and part in current.entries:
            current = current.entries[str(part)].value
        elif isinstance(current, Sequence) and isinstance(part, int) and part < len(current.items):
            current = current.items[part]
        else:
            break
    return tuple(found)


def _identity(node: Node) -> str:
    """What makes two declarations the same: what they say and what their references stand for."""
    return json.dumps(_told_apart(plain(node)), sort_keys=True)


def _told_apart(value: Any) -> Any:
    if isinstance(value, Resolved):
        return [value.reference, str(value), "reference"]
    if isinstance(value, dict):
        return {key: _told_apart(each) for key, each in value.items()}
    return [_told_apart(each) for each in value] if isinstance(value, list) else value
