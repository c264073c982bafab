"""What was measured, as it is kept in `bench/results/latest.json`, and the figures that are read from it.

A section is what one scenario found, with the revision and the time. Rounds are kept, not their ratios: any two that
took part in one section can be compared within its rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.figures import Round, Spread
from bench.process import ROOT

LATEST = ROOT / "bench" / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Results:
    """`sections` by name, each with the `revision` that it was taken of. One file is of one machine."""

    machine: Mapping[str, Any]
    sections: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, file: Path = LATEST) -> Results:
        """Nothing where there is no file."""
        return cls(**orjson.loads(file.read_bytes())) if file.exists() else cls({}, {})

    def here(self, machine: Mapping[str, Any]) -> Results:
        """These, to be gone on with; none of them when they are of another machine."""
        same = all(self.machine.get(each) == machine[each] for each in ("processor", "cores", "python"))
        return Results(machine, self.sections if same else {})

    def with_section(self, name: str, found: Mapping[str, Any]) -> Results:
        return Results(self.machine, {**self.sections, name: {"revision": self.machine["revision"], **found}})

    def write(self, file: Path = LATEST) -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(orjson.dumps(self, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def rounds(self, section: str, entrant: str) -> Sequence[Round]:
        """Empty when it was not measured."""
        entrants = self.sections.get(section, {}).get("entrants", {})
        return [Round(*each) for each in entrants[entrant]["rounds"]] if entrant in entrants else []

    def cheaper(self, section: str, entrant: str, reference: str) -> Spread | None:
        """How many times less CPU per answer than the reference, round by round; None when one was not measured."""
        own, other = self.rounds(section, entrant), self.rounds(section, reference)
        if not own or not other:
            return None
        return Spread.of([theirs.cost / ours.cost for ours, theirs in zip(own, other, strict=True)])

    def at(self, section: str, *keys: str) -> Any:
        """Any other value; None when it was not measured."""
        found: Any = self.sections.get(section)
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found
