"""Chains: the hooks of all steps, sorted by phase into tuples, for one route and method.

A step is compiled once per distinct declaration, when the policy is loaded; a chain is composed at first use and
kept, and tenants with equal steps share it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from kapagate.answer.rules import Altered, AnswerRules
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter
from kapagate.chain.options import Options, for_roles, lenient
from kapagate.chain.route import METHODS, SURFACES, Route, Surface
from kapagate.chain.shadow import shadow
from kapagate.chain.step import OnAnswer, OnDone, OnOpening, OnRequest, OnSeal, Step
from kapagate.chain.upstream import Innermost, OnIdentifiers

H = TypeVar("H")
Named = tuple[tuple[str, H], ...]
ANSWER_SURFACES: frozenset[Surface] = frozenset(SURFACES) - {"question"}


class Placed(Struct, frozen=True, eq=False):
    """A compiled step in its place: its id, the filter's name, its common options, what was declared.

    `acting` is the step under its options, wrapped once, whatever chains it is composed into.
    """

    id: str
    name: str
    step: Step
    options: Options
    declaration: Filter | None = None
    acting: Step = Step()

    def __post_init__(self) -> None:
        force_setattr(self, "acting", _wrapped(self))


class Chain(Struct, frozen=True, eq=False):
    """What happens to an exchange, phase by phase: pairs of step id and hook, in the order of the phase.

    `steps` are the ids of gate and chain in the policy's order. `asserts`: request headers that no client may speak.
    `inspects`: whether some step looks into the answer; where shadows alone would, they only watch what passes, and
    no last piece waits for the seal of shadows alone.
    `identifiers`: the upstream's own step that waits for them.
    """

    steps: tuple[str, ...]
    gate: Named[OnRequest]
    request: Named[OnRequest]
    answer: Named[OnAnswer]
    opening: Named[OnOpening]
    seal: Named[OnSeal]
    done: Named[OnDone]
    asserts: frozenset[bytes]
    inspects: bool
    identifiers: tuple[str, OnIdentifiers] | None = None


class Steps:
    """One gate and one effective chain, and the chains composed of them so far."""

    __slots__ = ("_chains", "chain", "gate")

    def __init__(self, gate: Sequence[Placed], chain: Sequence[Placed]) -> None:
        self.gate = tuple(gate)
        self.chain = tuple(chain)
        self._chains: dict[tuple[Route, str], Chain] = {}

    def composed(self, route: Route, method: str) -> Chain:
        """The chain of a route and method; methods that nobody knows share one."""
        key = (route, method if method in METHODS else "")
        found = self._chains.get(key)
        if found is None:
            found = self._chains[key] = compose(self.gate, self.chain, *key)
        return found


def compose(gate: Sequence[Placed], chain: Sequence[Placed], route: Route, method: str) -> Chain:
    """Sorts the hooks of all steps that are meant for this route and method; a route's own gate stands for `gate`."""
    own = gate if route.gate is None else route.gate
    first = _meant(own, route, method)
    then = _meant(chain, route, method)
    steps, inner = first + then, route.innermost or Innermost("")
    sees_answers = not ANSWER_SURFACES.isdisjoint(route.shows)
    answer = _hooks(steps[::-1], lambda step: step.on_answer) if sees_answers else ()
    if inner.on_answer:
        answer = ((inner.name, _signed(inner.on_answer, inner.name)), *answer)
    shadows = {placed.id for placed in (*own, *chain) if placed.options.mode == "shadow"}
    seal = _hooks(steps[::-1], lambda step: step.on_seal)
    request = _hooks(then, lambda step: step.on_request) if route.found else ()
    if inner.on_request:
        request = (*request, (inner.name, inner.on_request))
    return Chain(
        steps=tuple(name for name, _ in steps),
        gate=_hooks(first, lambda step: step.on_request),
        request=request,
        answer=answer,
        opening=_hooks(steps[::-1], lambda step: step.on_opening),
        seal=seal if any(name not in shadows for name, _ in seal) else (),
        done=_hooks(steps, lambda step: step.on_done),
        asserts=route.asserts.union(*(placed.step.asserts for placed in (*gate, *own, *chain))),
        inspects=any(name not in shadows for name, _ in answer),
        identifiers=(inner.name, inner.on_identifiers) if inner.on_identifiers else None,
    )


def _meant(placed: Sequence[Placed], route: Route, method: str) -> list[tuple[str, Step]]:
    return [
        (entry.id, entry.acting)
        for entry in placed
        if entry.options.mode != "off" and (entry.options.when is None or entry.options.when.covers(route, method))
    ]


def _wrapped(placed: Placed) -> Step:
    options, step = placed.options, placed.step
    if options.when is not None and options.when.role is not None:
        step = for_roles(step, frozenset(options.when.role))
    if options.mode == "shadow":
        step = shadow(step, placed.id)
    elif options.on_error == "allow":
        step = lenient(step)
    return replace(step, on_answer=_signed(step.on_answer, placed.id)) if step.on_answer else step


def _signed(on_answer: OnAnswer, name: str) -> OnAnswer:
    """Rules carry the id of the step that they come from."""
    sign = Altered(step=name)

    def signed(ex: Exchange) -> AnswerRules | None:
        rules = on_answer(ex)
        return rules and sign(rules)

    return signed


def _hooks(steps: Sequence[tuple[str, Step]], choose: Callable[[Step], Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, hook) for name, step in steps if (hook := choose(step)) is not None)
