"""What a tenant has otherwise: its changes, applied to the gateway's chain.

Mappings merge by key, lists and scalars are replaced; every value keeps the place that it came from. Steps change only
by `at`, `add` and `remove`. A locked step is out of a tenant's reach, and nothing new may come before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from kapagate.chain.options import Options
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping, Node, Scalar, described
from kapagate.policy.position import Span
from kapagate.policy.steps import StepDeclaration, read_step
from kapagate.policy.table import Table
from kapagate.policy.tenant import Change
from kapagate.policy.validation import Subject, validate

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
    """One tenant's changes to a chain. `gate`: the ids that are everybody's; `whole`: whether all steps are known."""

    def __init__(
        self, chain: Sequence[StepDeclaration], gate: Sequence[str], whole: bool, table: Table, problems: Diagnostics
    ) -> None:
        self.chain = list(chain)
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
        own = merged(step.own, node.entries["set"].value) if "set" in node.entries else step.own
        changes = Mapping(node.span, {key: entry for key, entry in node.entries.items() if key in _COMMON})
        common = Mapping(step.common.span, {**step.common.entries, **changes.entries})
        options = validate(Options, Subject(common, f"the step {step.filter}", step.origin), self._problems)
        if len(node.entries) == 1:
            self._problems.add(codes.STEP_SHAPE, node.key_span("at"), "the change says nothing: give it a `set`")
        if options and isinstance(own, Mapping):
            self.chain[index] = StepDeclaration(step.filter, own, common, options, step.origin)

    def _remove(self, node: Mapping) -> None:
        if found := self._step(node, "remove"):
            del self.chain[found[0]]

    def _add(self, node: Mapping) -> None:
        added = read_step(node.entries["add"].value, self._table, self._problems)
        places = [key for key in ("after", "before") if key in node.entries]
        if len(places) != 1:
            span = node.key_span(places[1] if places else "add")
            self._problems.add(codes.STEP_SHAPE, span, "a step is added with exactly one of after and before")
            return
        found = self._step(node, places[0], touches=False)
        if added is None or found is None:
            return
        index = found[0] + (places[0] == "after")
        locked = next((step for step in self.chain[index:] if step.options.locked), None)
        if locked:
            message = f'a tenant adds nothing before the locked step "{locked.id}"'
            self._problems.add(
                codes.LOCKED, node.key_span(places[0]), message, note=f"locked at {locked.place(('locked',))}"
            )
        elif self._is_new(added):
            self.chain.insert(index, added)

    def _is_new(self, added: StepDeclaration) -> bool:
        taken = added.id in self._gate or any(step.id == added.id for step in self.chain)
        if taken:
            message = f'there is a step "{added.id}" already; give this one its own id'
            self._problems.add(codes.REPEATED_STEP, added.place(("id",)), message)
        return not taken

    def _step(self, node: Mapping, verb: str, touches: bool = True) -> tuple[int, StepDeclaration] | None:
        """The step that a change means, with its index; None when there is none or it is locked."""
        named = node.get(verb)
        name = named.value if isinstance(named, Scalar) else None
        span: Span = named.span if named else node.span
        for index, step in enumerate(self.chain):
            if step.id == name:
                if not (touches and step.options.locked):
                    return index, step
                note = f"locked at {step.place(('locked',))}"
                self._problems.add(codes.LOCKED, span, f'the step "{name}" is locked', note=note)
                return None
        if not self._whole:
            return None
        note = "the gate is the same for every tenant" if name in self._gate else ""
        self._problems.unknown(codes.UNKNOWN_STEP, span, "step", str(name), _ids(self.chain), note)
        return None


def _ids(chain: Sequence[StepDeclaration]) -> list[str]:
    return list(dict.fromkeys(step.id for step in chain))
