"""The gate and the chain of a Gateway document: every step read, its id its own, what it names known."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from kapagate.chain.route import Route
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.invalid import Known
from kapagate.policy.layers import Layering
from kapagate.policy.locks import BINDING_ENVIRONMENTS
from kapagate.policy.nodes import Mapping, Node
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.routes import check_names
from kapagate.policy.steps import Lane, StepCompiler, StepDeclaration, read_step
from kapagate.policy.table import Table


class LaneReader(Struct, frozen=True):
    """Reads steps. `routes` and `known` are what their `when` may name; None: not all routes are known."""

    table: Table
    routes: Sequence[Route] | None
    known: Known
    problems: Diagnostics

    def read(self, items: Sequence[Node]) -> Lane:
        """The steps that can be understood; what is wrong with them and with the others is noted."""
        steps = [step for item in items if (step := read_step(item, self.table, self.problems))]
        for step in steps:
            self.check_when(step)
        return tuple(steps)

    def check_ids(self, steps: Sequence[StepDeclaration]) -> None:
        """No id twice over gate and chain."""
        first: dict[str, StepDeclaration] = {}
        for step in steps:
            known = first.setdefault(step.id, step)
            if known is not step:
                message = f'there is a step "{step.id}" already; give this one its own id'
                note = f"first at {known.origin}"
                self.problems.add(codes.REPEATED_STEP, step.place(("id",)), message, note=note)

    def layered(
        self, environment: Mapping, gate: Lane, chain: Lane, compiler: StepCompiler, whole: bool
    ) -> tuple[Lane, Lane]:
        """Gate and chain as they are in an environment."""
        return (
            self._changed(environment.get("gate"), gate, chain, compiler, whole),
            self._changed(environment.get("chain"), chain, gate, compiler, whole),
        )

    def _changed(self, changes: Node | None, lane: Lane, other: Lane, compiler: StepCompiler, whole: bool) -> Lane:
        if not (isinstance(changes, Items) and changes.items):
            return lane
        layering = Layering(lane, [step.id for step in other], whole, self.table, self.problems)
        for change in changes.items:
            layering.apply(change)
        for step in layering.chain:
            if step not in lane:
                self.check_when(step)
        BINDING_ENVIRONMENTS.check(lane, layering.chain, layering.moves, compiler, self.problems)
        return tuple(layering.chain)

    def check_when(self, step: StepDeclaration) -> None:
        """What a step's `when` names exists."""
        when = step.options.when
        if when is None:
            return
        routes = when.route or ()
        if self.routes is not None:
            places = [step.place(("when", "route", index)) for index in range(len(routes))]
            check_names(routes, places, self.routes, self.problems)
        for index, role in enumerate(when.role or ()):
            if role not in self.known.roles:
                span = step.place(("when", "role", index))
                self.problems.unknown(codes.UNKNOWN_ROLE, span, "role", role, self.known.roles)
