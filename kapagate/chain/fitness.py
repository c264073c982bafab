"""Whether steps and routes fit each other: what can be decided about a chain before the first request.

- A fact is read only after a step that writes it unconditionally, on every route that has a gate of its own as well.
- A step that can act on no route, or on none of those that its `when` names, is a mistake; so is one option of it that
  can act on none of them, whatever the others do.
- A guard whose surface a route hides is an error at that route, unless the route says what then: `on_uninspectable:
  pass | refuse`. A surface that a route simply lacks (feedback has no answer) is nothing to guard. A shadow makes no
  demands: where it cannot see it says `skipped`.
- A guard of answers that is locked and a route that opens a way around it exclude each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct

from kapagate.chain.compose import ANSWER_SURFACES, Placed
from kapagate.chain.fact import Fact
from kapagate.chain.route import SURFACES, Route, Surface

_WHOLE: frozenset[Surface] = frozenset({"whole answer"})
_MOST_NAMED = 3


class Finding(Struct, frozen=True):
    """Something that does not fit. `step` is the id at fault, `option` the path of the option within its declaration,
    `route` the route that is concerned (empty: none in particular)."""

    step: str
    message: str
    option: tuple[str | int, ...] = ()
    route: str = ""


def findings(gate: Sequence[Placed], chain: Sequence[Placed], routes: Sequence[Route]) -> list[Finding]:
    """Everything that does not fit: facts first, then step by step."""
    steps = _at_work((*gate, *chain))
    found = [*_out_of_order(gate, chain, routes), *_misplaced(gate, chain, routes)]
    for placed in steps:
        found += list(_unknown_routes(placed, routes)) or _unfit(placed, routes)
        found += _evaded(placed, routes)
    return found


def _at_work(steps: Sequence[Placed]) -> list[Placed]:
    return [placed for placed in steps if placed.options.mode != "off"]


def _out_of_order(gate: Sequence[Placed], chain: Sequence[Placed], routes: Sequence[Route]) -> Iterator[Finding]:
    """The gateway's gate is also for what no route matches, where there is no chain."""
    sharing = [route for route in routes if route.gate is None]
    apart = [route for route in routes if route.gate is not None]
    elsewhere = [placed for placed in chain if _acts(placed, apart) and not _acts(placed, sharing)]
    yield from _unwritten([placed for placed in (*gate, *chain) if placed not in elsewhere])
    for route in apart:
        yield from _unwritten([each for each in (*(route.gate or ()), *chain) if _means(each, route)], route)


def _misplaced(gate: Sequence[Placed], chain: Sequence[Placed], routes: Sequence[Route]) -> Iterator[Finding]:
    """Steps that act before anybody is known, and those that cannot share a request with another of their kind."""
    for placed in _at_work(chain):
        if placed.declaration is not None and "chain" not in placed.declaration.lanes:
            yield Finding(placed.id, "acts before anybody is known: put it into the gate")
    for placed in _at_work(gate):
        when = placed.options.when
        if placed.declaration is not None and "chain" not in placed.declaration.lanes and when and when.role:
            yield Finding(placed.id, "acts before anybody is known, so it can be for no role", ("when", "role"))
    for route in routes:
        first: dict[str, str] = {}
        for placed in _at_work(gate if route.gate is None else route.gate):
            if placed.declaration is not None and placed.declaration.alone and _means(placed, route):
                if other := first.get(placed.name):
                    said = f'acts on route "{route.name}" beside step "{other}": one of them is for other routes'
                    yield Finding(placed.id, said, route=route.name)
                first[placed.name] = placed.id


def _acts(placed: Placed, routes: Sequence[Route]) -> bool:
    return any(_means(placed, route) for route in routes)


def _unwritten(steps: Sequence[Placed], route: Route | None = None) -> Iterator[Finding]:
    """`route` is the one whose gate this is. On a public one, steps for some roles are passed by."""
    written: set[Fact[Any]] = set()
    public = route is not None and route.public
    on = _at_work(steps)
    for position, placed in enumerate(on):
        if public and placed.options.when is not None and placed.options.when.role is not None:
            continue
        for fact in sorted(placed.step.reads - written, key=attrgetter("name")):
            why = _nobody_known(fact, route) if public and route else _why_unwritten(fact, placed, on[position + 1 :])
            yield Finding(placed.id, why, route=route.name if route else "")
        if placed.options.unconditional:
            written |= placed.step.writes


def _nobody_known(fact: Fact[Any], route: Route) -> str:
    return (
        f'needs to know the {fact.name}, and route "{route.name}" is public, so nobody is known there: say '
        "`when: {public: false}` at the step"
    )


def _why_unwritten(fact: Fact[Any], reader: Placed, later: Sequence[Placed]) -> str:
    for placed in later:
        if fact in placed.step.writes:
            return (
                f'needs to know the {fact.name}, which step "{placed.id}" finds out later: move "{placed.id}" before it'
            )
    return f"needs to know the {fact.name}, which no earlier step finds out for every request"


def _unknown_routes(placed: Placed, routes: Sequence[Route]) -> Iterator[Finding]:
    known = {name for route in routes for name in (route.name, route.permission)}
    when = placed.options.when
    for index, name in enumerate((when and when.route) or ()):
        if name not in known:
            yield Finding(placed.id, f'"{name}" is no route', ("when", "route", index))


def _unfit(placed: Placed, routes: Sequence[Route]) -> Iterator[Finding]:
    meant = [route for route in routes if _means(placed, route)]
    needs = placed.step.needs
    if not meant:
        named = placed.options.when is not None
        why = "no route is meant by its `when`" if named else "the policy has no routes"
        yield Finding(placed.id, f"can never act: {why}", ("when",) if named else ())
        return
    if not needs:
        return
    idle = list(_idle(placed, meant, routes))
    yield from idle
    if not idle and all(needs.keys().isdisjoint(route.shows | route.hides) for route in meant):
        wanted = ", ".join(sorted(needs))
        yield Finding(placed.id, f"can never act: none of its routes has what it guards ({wanted})")
    for route in meant:
        yield from _hidden(placed, route)


def _idle(placed: Placed, meant: Sequence[Route], routes: Sequence[Route]) -> Iterator[Finding]:
    """Options that can act on none of the step's routes."""
    for option, wanted in (placed.declaration.demands if placed.declaration else {}).items():
        if any(wanted <= route.shows | route.hides for route in meant):
            continue
        absent = {surface for route in meant for surface in wanted - route.shows - route.hides}
        missing = " and no ".join(surface for surface in SURFACES if surface in absent)
        names = ", ".join(f'"{route.name}"' for route in meant[:_MOST_NAMED])
        names += ", ..." if len(meant) > _MOST_NAMED else ""
        fit = next((route.name for route in routes if wanted <= route.shows), None)
        mend = f'let the step act on a route that has, such as "{fit}", or' if fit else "no route of the policy has;"
        message = f"`{_spelt(option)}` can never act: routes {names} have no {missing}; {mend} leave the option out"
        yield Finding(placed.id, message, option)


def _spelt(option: tuple[str | int, ...]) -> str:
    """`company_policy[0]`, `sources.min`."""
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in option).removeprefix(".")


def _means(placed: Placed, route: Route) -> bool:
    when = placed.options.when
    return when is None or any(when.covers(route, method) for method in route.answers)


def _evaded(placed: Placed, routes: Sequence[Route]) -> Iterator[Finding]:
    """What is locked is not to be got around by another route, whichever the step is for."""
    if not placed.options.locked or ANSWER_SURFACES.isdisjoint(placed.step.needs):
        return
    for route in routes:
        if route.evades:
            message = (
                f'is locked, and what route "{route.name}" opens passes no guard: say `{route.operation}: unguarded` '
                "at the upstream, or `off`"
            )
            yield Finding(placed.id, message, route=route.name)


def _hidden(placed: Placed, route: Route) -> Iterator[Finding]:
    """One finding per option and reason. An option that needs several surfaces acts only where the route has all; that
    an answer is whole is no surface of its own, but how the others are seen.
    """
    if route.on_uninspectable != "error" or placed.options.mode == "shadow":
        return
    needs = placed.step.needs
    there = route.shows | route.hides | _WHOLE
    absent = {option for surface, option in needs.items() if surface not in there}
    hidden = [surface for surface in SURFACES if surface in route.hides and needs.get(surface, "") not in {"", *absent}]
    for surface in hidden[:1] if hidden[:1] != ["question"] else hidden[:2]:
        yield Finding(
            placed.id,
            f'`{needs[surface]}` cannot be enforced on route "{route.name}", which hides the {surface}: '
            f"{_mend(surface, route)}",
            (needs[surface],),
            route.name,
        )


def _mend(surface: Surface, route: Route) -> str:
    if surface == "sources" and "answer text" in route.shows:
        return "say `on_uninspectable: pass` (or `refuse`) at the upstream"
    if surface == "whole answer" and not ANSWER_SURFACES.isdisjoint(route.shows):
        return "its answers stream; say `stream: buffer` at the upstream, or `at_end: disclaim` (`error`) at the step"
    declares = "question: [...]" if surface == "question" else "text: [...]"
    if surface == "running text":
        declares = "running_text: [...]"
    return f"declare its texts (`{declares}`) or say `on_uninspectable: pass` (or `refuse`) at the route"
