"""Budgets: ratios that must hold, as far as the noise of a run lets one say.

`python -m bench.budgets` sets them again: a tenth below what the last `make bench-quick` measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from bench.figures import Spread
from bench.process import ROOT
from bench.results import LATEST, Results

FILE = ROOT / "bench" / "budgets.yaml"
_ROOM = 0.9
_LINE = re.compile(r"at_least: [0-9.]+")
State = Literal["kept", "within the noise", "missed", "not measured"]


@dataclass(frozen=True, slots=True)
class Budget:
    """CPU per answer of `against` over that of `entrant`."""

    section: str
    entrant: str
    against: str
    at_least: float

    def kept(self, ratio: Spread | None) -> State:
        if ratio is None:
            return "not measured"
        if ratio.middle >= self.at_least:
            return "kept"
        return "within the noise" if ratio.middle + noise(ratio) >= self.at_least else "missed"


def noise(ratio: Spread) -> float:
    """How far the middle of these rounds may lie from the truth: half of what lies between their ends."""
    return (ratio.most - ratio.least) / 2


def budgets(file: Path = FILE) -> Sequence[Budget]:
    """Raises TypeError for what is not a budget."""
    return [Budget(**each) for each in yaml.safe_load(file.read_text())]


def checked(results: Results, wanted: Sequence[Budget]) -> Iterator[tuple[Budget, Spread | None, State]]:
    for budget in wanted:
        ratio = results.cheaper(budget.section, budget.entrant, budget.against)
        yield budget, ratio, budget.kept(ratio)


def set_again(results: Results, text: str) -> str:
    """The file with every budget that was measured a tenth below its figure; the others stay."""
    return "\n".join(_set_again(results, line) for line in text.splitlines()) + "\n"


def _set_again(results: Results, line: str) -> str:
    if not line.startswith("- "):
        return line
    budget = Budget(**yaml.safe_load(line)[0])
    ratio = results.cheaper(budget.section, budget.entrant, budget.against)
    return _LINE.sub(f"at_least: {ratio.middle * _ROOM:.2f}", line) if ratio else line


if __name__ == "__main__":
    FILE.write_text(set_again(Results.read(LATEST.with_name("quick.json")), FILE.read_text()))
