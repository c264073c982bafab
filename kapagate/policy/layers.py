"""What an environment or a tenant has otherwise: its changes, applied to the steps of the layer below.

Mappings merge by key, lists and scalars are replaced; every value keeps the place that it came from. Steps change only
by `at`, `add` and `remove`. What locks allow is judged at the end, of all changes together.
"""

from __future__ import annotations

from collections.abc import Sequence

from kapagate.chain.options import Options
from kapagate.policy import codes
from kapagate.policy.annotations import Path
from kapagate.policy.exceptions import Grant, granted
from kapagate.policy.finding import Diagnostics
from kapagate.policy.locks import Moves
from kapagate.policy.nodes import Mapping, Node, Scalar, described, plain
from kapagate.policy.position import Span
from kapagate.policy.steps import StepDeclaration, read_step
from kapagate.policy.table import Table
from kapagate.policy.tenant import Change
from kapagate.policy.validation import Subject, place, validate

_COMMON = ("when", "mode", "on_error")


def merged(below: Node, above: Node) -> Node:
    """Two layers of one value; what stands above wins."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        known = entries.get(key)
        entries[key] = type(entry)(entry.span, merged(known.value, entry.value)) if known else entry
    return Mapping(below.span, entries)


class Layering:
    """One layer's changes to a lane. `gate`: ids that are taken, and out of its reach; `whole`: whether all steps are
    known; `grants`: the exceptions of the tenant whose layer it is.
    """

    def __init__(
        self,
        chain: Sequence[StepDeclaration],
        gate: Sequence[str],
        whole: bool,
        table: Table,
        problems: Diagnostics,
        grants: Sequence[Grant] = (),
    ) -> None:
        self.chain = list(chain)
        self.moves = Moves()
        self._grants = grants
        self._gate = gate
        self._whole = whole
        self._table = table
        self._problems = problems

    def apply(self, node: Node) -> None:
        """One change; what is wrong with it is noted and it is left out."""
        if not isinstance(node, Mapping):
            self._problems.add(codes.WRONG_TYPE, node.span, f"a change is a mapping, not {described(node)}")
            return
        change = validate(Change, Subject(node, "the change"), self._problems)
        if change is None:
            return
        verbs = [verb for verb in ("at", "add", "remove") if getattr(change, verb) is not None]
        beside = {"at": ("set", *_COMMON), "add": ("after", "before"), "remove": ()}
        if len(verbs) != 1:
            span = node.key_span(verbs[1]) if verbs else node.span
            self._problems.add(codes.STEP_SHAPE, span, "a change has exactly one of at, add and remove")
            return
        verb = verbs[0]
        for key in node.entries.keys() - {verb, *beside[verb]}:
            self._problems.add(codes.MISPLACED_FIELD, node.key_span(key), f'"{key}" does not go with "{verb}"')
        {"at": self._change, "add": self._add, "remove": self._remove}[verb](node)

    def _change(self, node: Mapping) -> None:
        found = self._step(node, "at")
        if found is None:
            return
        index, step = found
        if len(node.entries) == 1:
            self._problems.add(codes.STEP_SHAPE, node.key_span("at"), "the change says nothing: give it a `set`")
        above, own = without_granted(node, [each for each in self._grants if each.step == step.id]), step.own
        if "set" in above.entries:
            laid = merged(step.own, above.entries["set"].value)
            own = laid if isinstance(laid, Mapping) else own
        changes = {key: entry for key, entry in above.entries.items() if key in _COMMON}
        self._put(index, own, Mapping(step.common.span, {**step.common.entries, **changes}))

    def grant(self) -> None:
        """The tenant's exceptions, over all that the layers say."""
        for grant in self._grants:
            index = next((index for index, step in enumerate(self.chain) if step.id == grant.step), None)
            if index is None:
                if self._whole:
                    span = place(grant.document.node, ("step",))
                    self._problems.unknown(codes.UNKNOWN_STEP, span, "step", grant.step, _ids(self.chain))
            elif grant.active:
                step = self.chain[index]
                if grant.path[0] in _COMMON:
                    self._put(index, step.own, granted(step.common, grant))
                else:
                    self._put(index, granted(step.own, grant), step.common)

    def _put(self, index: int, own: Mapping, common: Mapping) -> None:
        """Another version of a step."""
        step = self.chain[index]
        options = validate(Options, Subject(common, f"the step {step.filter}", step.origin), self._problems)
        if options:
            self.chain[index] = StepDeclaration(step.filter, own, common, options, step.origin)

    def _remove(self, node: Mapping) -> None:
        if found := self._step(node, "remove"):
            index, step = found
            del self.chain[index]
            self.moves.removed[step.id] = node.entries["remove"].value.span

    def _add(self, node: Mapping) -> None:
        added = read_step(node.entries["add"].value, self._table, self._problems)
        places = [key for key in ("after", "before") if key in node.entries]
        if len(places) != 1:
            span = node.key_span(places[1] if places else "add")
            self._problems.add(codes.STEP_SHAPE, span, "a step is added with exactly one of after and before")
            return
        found = self._step(node, places[0])
        if added is None or found is None:
            return
        if self._is_new(added):
            self.chain.insert(found[0] + (places[0] == "after"), added)
            self.moves.added.append((added.id, node.key_span(places[0])))

    def _is_new(self, added: StepDeclaration) -> bool:
        taken = added.id in self._gate or any(step.id == added.id for step in self.chain)
        if taken:
            message = f'there is a step "{added.id}" already; give this one its own id'
            self._problems.add(codes.REPEATED_STEP, added.place(("id",)), message)
        return not taken

    def _step(self, node: Mapping, verb: str) -> tuple[int, StepDeclaration] | None:
        """The step that a change means, with its index."""
        named = node.get(verb)
        name = named.value if isinstance(named, Scalar) else None
        span: Span = named.span if named else node.span
        for index, step in enumerate(self.chain):
            if step.id == name:
                return index, step
        if not self._whole:
            return None
        note = "the gate is the same for every tenant" if name in self._gate else ""
        self._problems.unknown(codes.UNKNOWN_STEP, span, "step", str(name), _ids(self.chain), note)
        return None


def without_granted(node: Mapping, grants: Sequence[Grant]) -> Mapping:
    """A tenant's change without what exceptions say as well: that counts as long as they do."""
    for grant in grants:
        whole = grant.path if grant.path[0] in _COMMON else ("set", *grant.path)
        node = _without(node, whole, grant.value)
    return node


def _without(node: Mapping, path: Path, value: Node) -> Mapping:
    key = str(path[0])
    entry = node.entries.get(key)
    if entry is None:
        return node
    rest = {name: each for name, each in node.entries.items() if name != key}
    if len(path) == 1:
        return Mapping(node.span, rest) if plain(entry.value) == plain(value) else node
    if not isinstance(entry.value, Mapping):
        return node
    return Mapping(node.span, {**node.entries, key: type(entry)(entry.span, _without(entry.value, path[1:], value))})


def _ids(chain: Sequence[StepDeclaration]) -> list[str]:
    return list(dict.fromkeys(step.id for step in chain))
