"""Two lanes of steps compared: which came, went and moved, and which options of those that stayed are otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from kapagate.chain.compose import Placed
from kapagate.chain.order import Label
from kapagate.chain.route import Route
from kapagate.policy.annotations import Path
from kapagate.policy.changes import ABSENT, Change, Side, side, written
from kapagate.policy.diff_guesses import honest, unseen
from kapagate.policy.order import Difference, compared, compared_options, opposite
from kapagate.policy.steps import OPTION_KEYS, Lane, StepCompiler, StepDeclaration


class LaneDiff(Struct, frozen=True):
    """Compares lanes. `compilers` and `routes` of the two policies; `made_up` are references with placeholders."""

    compilers: tuple[StepCompiler, StepCompiler]
    routes: tuple[Sequence[Route], Sequence[Route]]
    made_up: Collection[str] = ()

    def changes(self, before: Lane, after: Lane) -> Iterator[Change]:
        was, now = {step.id: step for step in before}, {step.id: step for step in after}
        for name, step in was.items():
            if name not in now:
                yield self._gone(step)
            elif now[name].filter != step.filter:
                yield Change(f"step {name}", "", "unknown", _whole(step), _whole(now[name]))
            elif now[name] is not step:
                yield from self._within(step, now[name])
        for name, step in now.items():
            if name not in was:
                yield self._come(step)
        stayed = [[name for name in lane if name in was and name in now] for lane in (was, now)]
        if stayed[0] != stayed[1]:
            first = next(new for old, new in zip(*stayed, strict=True) if old != new)
            told = (
                Side(", ".join(stayed[0]), str(was[first].origin)),
                Side(", ".join(stayed[1]), str(now[first].origin)),
            )
            yield Change("order of steps", "", "unknown", *told)

    def _gone(self, step: StepDeclaration) -> Change:
        placed = self.compilers[0].placed(step)
        label, routes = opposite(_presence(placed)), _for(placed, None, self.routes)
        return Change(f"step {step.id}", "", label, _whole(step), Side(ABSENT), (), routes)

    def _come(self, step: StepDeclaration) -> Change:
        placed = self.compilers[1].placed(step)
        routes = _for(None, placed, self.routes)
        return Change(f"step {step.id}", "", _presence(placed), Side(ABSENT), _whole(step), (), routes)

    def _within(self, before: StepDeclaration, after: StepDeclaration) -> Iterator[Change]:
        was, now = self.compilers[0].placed(before), self.compilers[1].placed(after)
        if not (was and now and was.declaration and now.declaration):
            return
        routes = _for(was, now, self.routes)
        idle = was.options.mode != "enforce" or now.options.mode != "enforce"
        told: list[Path] = []
        for each in compared_options(was.options, now.options, type(now.declaration)):
            yield self._option(before, after, each, _worth(each, idle), routes)
        for each in compared(was.declaration, now.declaration):
            told.append(each.path)
            yield self._option(before, after, each, "neutral" if idle else each.label, routes)
        for path in unseen(before.own, after.own, told, self.made_up):
            guessed = Difference(path, None, None, "unknown")
            yield self._option(before, after, guessed, "neutral" if idle else "unknown", routes)

    def _option(
        self, before: StepDeclaration, after: StepDeclaration, found: Difference, label: Label, routes: tuple[str, ...]
    ) -> Change:
        common = found.path[0] in OPTION_KEYS
        sides = [
            side(step.common if common else step.own, found.path, step.place(found.path), default)
            for step, default in ((before, found.before), (after, found.after))
        ]
        name, known = ".".join(map(str, found.path)), honest(label, sides[0], sides[1], self.made_up)
        return Change(f"step {after.id}", name, known, sides[0], sides[1], (), routes)


def _worth(found: Difference, idle: bool) -> Label:
    """A step that does not act, before or after, becomes nothing by its options; only by acting."""
    acts = found.path != ("mode",) or "enforce" in (found.before, found.after)
    return found.label if acts and (not idle or found.path in (("mode",), ("locked",))) else "neutral"


def _presence(placed: Placed | None) -> Label:
    """What it is to have the step, against not having it."""
    if placed is None or placed.declaration is None:
        return "unknown"
    return placed.declaration.presence if placed.options.mode == "enforce" else "neutral"


def _whole(step: StepDeclaration) -> Side:
    beside = "".join(f", {key}: {written(entry.value)}" for key, entry in step.common.entries.items())
    return Side(f"{step.filter}: {written(step.own)}{beside}", str(step.origin))


def _for(was: Placed | None, now: Placed | None, routes: tuple[Sequence[Route], Sequence[Route]]) -> tuple[str, ...]:
    """The routes that the step acts on, before or after; none: all."""
    found: dict[str, bool] = {}
    for placed, known in zip((was, now), routes, strict=True):
        when = placed.options.when if placed else None
        for route in known if placed else ():
            acts = when is None or any(when.covers(route, method) for method in route.answers)
            found[route.name] = found.get(route.name, False) or acts
    return () if all(found.values()) else tuple(name for name, acts in found.items() if acts)
