"""What a layer may do to locked steps: tighten them, and nothing else.

Looser is: the step is gone, or another comes before it, or one of its options is looser or cannot be compared. What
several changes come to together is judged, not each by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct, field

from kapagate.chain.options import Options
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.order import Difference, compared, compared_options
from kapagate.policy.position import Span
from kapagate.policy.steps import StepCompiler, StepDeclaration

_PRESENCE = (("mode",), ("when",))


class Moves(Struct):
    """The steps that a layer took away and put in, and where it says so."""

    removed: dict[str, Span] = field(default_factory=dict)
    added: list[tuple[str, Span]] = field(default_factory=list)


class Locks(Struct, frozen=True):
    """The locks that hold for a layer. `layer`: how messages call it; `values`: of `locked`, those that bind it."""

    layer: str
    values: Collection[object]
    remedy: str

    def bind(self, options: Options) -> bool:
        return options.locked in self.values and options.locked is not False

    def check(
        self,
        before: Sequence[StepDeclaration],
        after: Sequence[StepDeclaration],
        moves: Moves,
        compiler: StepCompiler,
        problems: Diagnostics,
    ) -> None:
        """Notes every loosening of a locked step; steps that could not be compiled are noted elsewhere."""
        now = {step.id: step for step in after}
        for step in before:
            if not self.bind(step.options):
                continue
            if step.id in moves.removed:
                self._note(moves.removed[step.id], f'takes the locked step "{step.id}" away', step, problems)
            elif step.id in now and now[step.id] is not step:
                for found in loosenings(step, now[step.id], compiler):
                    self._note(now[step.id].place(found.path), _worded(step, found), step, problems)
        self._check_places(before, after, moves, problems)

    def _check_places(
        self,
        before: Sequence[StepDeclaration],
        after: Sequence[StepDeclaration],
        moves: Moves,
        problems: Diagnostics,
    ) -> None:
        locked = {step.id for step in before if self.bind(step.options)}
        order = [step.id for step in after]
        for name, span in moves.added:
            behind = order[order.index(name) + 1 :] if name in order else []
            held = next((each for each in behind if each in locked), None)
            if held:
                step = next(step for step in before if step.id == held)
                self._note(span, f'adds a step before the locked step "{held}"', step, problems)

    def _note(self, span: Span, what: str, step: StepDeclaration, problems: Diagnostics) -> None:
        note = f"locked at {step.place(('locked',))}; {self.remedy}"
        problems.add(codes.LOCKED, span, f"{self.layer} {what}", note=note)


BINDING_TENANTS = Locks("a tenant", (True, "all"), "a `kind: Exception` can allow one option of one tenant for a while")
BINDING_ENVIRONMENTS = Locks("an environment", ("all",), "`locked: true` would bind tenants only")


def differences(before: StepDeclaration, after: StepDeclaration, compiler: StepCompiler) -> Iterator[Difference]:
    """All options in which two versions of a step differ; none where one of them cannot be compiled."""
    was, now = compiler.placed(before), compiler.placed(after)
    if was and now and was.declaration and now.declaration:
        yield from compared_options(was.options, now.options, type(now.declaration))
        yield from compared(was.declaration, now.declaration)


def loosenings(before: StepDeclaration, after: StepDeclaration, compiler: StepCompiler) -> Iterator[Difference]:
    """Those that a lock does not allow."""
    for found in differences(before, after, compiler):
        loosens = found.label in ("looser", "unknown")
        if loosens or (found.path in _PRESENCE and found.label != "tighter"):
            yield found


def _worded(step: StepDeclaration, found: Difference) -> str:
    option = ".".join(map(str, found.path))
    if found.label == "unknown":
        return f'changes "{option}" of the locked step "{step.id}", which cannot be compared'
    return f'loosens "{option}" of the locked step "{step.id}"'
