"""Which decisions of which steps the cases reached, of those that the policy makes possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from msgspec import Struct, field

from kapagate.chain.compose import Placed
from kapagate.chain.generation import Generation
from kapagate.chain.verdict import Decision
from kapagate.policytest.decisions import possible
from kapagate.policytest.play import Told

DECISIONS: tuple[Decision, ...] = tuple(each for each in get_args(Decision) if each != "failed")


def steps_of(generation: Generation) -> Iterator[Placed]:
    """Every step of a policy: of the gate, of routes' own gates, of the chain and of tenants' chains."""
    yield from generation.steps.gate
    for route in generation.routes.routes:
        yield from route.gate or ()
    yield from generation.steps.chain
    for tenant in generation.tenants.values():
        yield from tenant.steps.chain if tenant.steps is not None else ()


class Coverage(Struct):
    """`possible` by the steps' ids, in the order of the policy; `reached` counts calls."""

    possible: dict[str, set[Decision]] = field(default_factory=dict)
    reached: Counter[tuple[str, Decision]] = field(default_factory=Counter)

    def add_policy(self, generation: Generation) -> None:
        for placed in steps_of(generation):
            found = possible(placed, generation.routes.routes)
            if found:
                self.possible.setdefault(placed.id, set()).update(found)

    def add_calls(self, calls: Iterable[Told]) -> None:
        for told in calls:
            self.reached.update(told.decisions.items())

    @property
    def pairs(self) -> list[tuple[str, Decision]]:
        """What is possible."""
        return [(step, each) for step, found in self.possible.items() for each in DECISIONS if each in found]

    @property
    def missing(self) -> list[tuple[str, Decision]]:
        return [pair for pair in self.pairs if not self.reached[pair]]

    @property
    def percent(self) -> float:
        """Of what is possible; 100 where nothing is."""
        pairs = self.pairs
        return 100.0 * (len(pairs) - len(self.missing)) / len(pairs) if pairs else 100.0

    def table(self) -> str:
        """A row per step: how often each decision was reached, `0` where it could have been, `-` where it cannot."""
        rows = [["step", *DECISIONS]]
        for step, found in self.possible.items():
            cells = [str(self.reached[step, each]) if each in found else "-" for each in DECISIONS]
            rows.append([step, *cells])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [_line(row, widths) for row in rows]
        reached = len(self.pairs) - len(self.missing)
        return "\n".join([*lines, "", f"coverage: {reached} of {len(self.pairs)} decisions, {self.percent:.1f} %"])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *cells])
