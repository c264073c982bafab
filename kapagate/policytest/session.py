"""All cases of a set of files, run against the policy of the same files.

The policy is loaded once for each environment that cases ask for, mostly once; a case costs what its calls cost.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct, field

from kapagate.policy.documents import Document, read_documents
from kapagate.policy.finding import Diagnostics
from kapagate.policy.interpolation import Resolve
from kapagate.policy.load import Layers, Loaded, load_documents
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.policy.position import Span
from kapagate.policy.report import render_all
from kapagate.policy.source import Source, read_sources
from kapagate.policytest.coverage import Coverage, steps_of
from kapagate.policytest.credentials import TABLE, Impossible
from kapagate.policytest.expectations import Path as Within
from kapagate.policytest.expectations import misses
from kapagate.policytest.play import Told, play
from kapagate.policytest.stage import Ports, Stage, endpoints
from kapagate.policytest.story import story_of
from kapagate.policytest.suites import Planned, Suites, check_names, read_suites
from kapagate.remote.references import References

Key = tuple[tuple[tuple[str, str], ...], float]


class Failure(Struct, frozen=True):
    """One expectation that was not met, in its place; `what` names it. `story`: what became of the call."""

    span: Span
    what: str
    expected: str
    got: str
    story: str


class Result(Struct, frozen=True):
    """What came of a case; good without failures."""

    planned: Planned
    failures: Sequence[Failure]

    @property
    def ok(self) -> bool:
        return not self.failures


class Session(Struct):
    """A set of files: its policy, in the environment of this name, and its tests. After `prepare`, `problems` has what
    is wrong with either.
    """

    environment: str | None = None
    problems: Diagnostics = field(default_factory=Diagnostics)
    sources: dict[str, Source] = field(default_factory=dict)
    suites: Suites = field(default_factory=Suites)
    coverage: Coverage = field(default_factory=Coverage)
    _documents: Sequence[Document] = ()
    _stages: dict[Key, Stage] = field(default_factory=dict)

    def prepare(self, paths: Sequence[Path], chosen: re.Pattern[str] | None = None) -> list[Planned]:
        """The cases whose name is chosen. Nothing can be run when there are errors."""
        files = read_sources(paths, self.problems)
        self.sources = {source.name: source for source in files}
        self._documents = read_documents(files, self.problems)
        self.suites = read_suites(self._documents, self.problems)
        cases = [each for each in self.suites.cases if chosen is None or chosen.search(each.name)]
        if not self.problems.errors:
            for planned in cases or self.suites.cases[:1]:
                self._stage(planned)
        return cases

    @property
    def stages(self) -> Sequence[Stage]:
        """One for each environment that cases ask for."""
        return tuple(self._stages.values())

    @property
    def ok(self) -> bool:
        return self.problems.errors == 0

    def report(self) -> str:
        """All problems as text, empty when there are none."""
        return render_all(self.problems, self.sources)

    def results(self, cases: Iterable[Planned]) -> list[Result]:
        """What comes of cases, on a loop of its own. Its task returns nothing: asyncio writes down at length what one
        does, when it gives the handler of SIGINT back.
        """
        found: list[Result] = []

        async def run() -> None:
            found.extend(await self.run(cases))

        asyncio.run(run())
        return found

    async def run(self, cases: Iterable[Planned]) -> list[Result]:
        return [await self._run(planned) for planned in cases]

    async def _run(self, planned: Planned) -> Result:
        stage = self._stages[self._key(planned)]
        try:
            told = await play(stage, planned.tests, planned.case, planned.calls, planned.begun)
        except (Impossible, LookupError) as cause:
            return Result(planned, [Failure(planned.place(0, ()), "the call", "a request", str(cause), "")])
        self.coverage.add_calls(told)
        failures = [each for index in range(len(told)) for each in _failures(planned, index, told[index])]
        return Result(planned, failures)

    def _stage(self, planned: Planned) -> None:
        """Loads the policy for the environment of a case, where that was not done yet."""
        key = self._key(planned)
        if key not in self._stages and not self.problems.errors:
            loaded, ports = self._loaded(planned)
            if loaded.generation is None or loaded.gateway is None:
                for each in loaded.diagnostics:
                    self.problems.add(each.code, each.span, each.message, suggestion=each.suggestion, note=each.note)
                return
            self._stages[key] = Stage.of(loaded.generation, loaded.gateway, ports)
            self.coverage.add_policy(loaded.generation)
        if key in self._stages:
            generation = self._stages[key].generation
            check_names(planned, generation, [*{each.id: None for each in steps_of(generation)}], self.problems)

    def _key(self, planned: Planned) -> Key:
        """What the policy depends on: what references stand for, and the time where exceptions count until theirs."""
        lapses = any(document.kind == "Exception" for document in self._documents)
        return tuple(sorted(planned.environment.items())), planned.begun if lapses else 0.0

    def _loaded(self, planned: Planned) -> tuple[Loaded, Ports]:
        """What the tests do not say of the environment is made up: this process's own is never looked at."""
        ports, layers = Ports(), Layers(self.environment, lambda: planned.begun)

        def load(resolve: Resolve) -> Loaded:
            nonlocal ports
            ports = Ports()
            return load_documents(
                self._documents,
                self.sources,
                Diagnostics(),
                resolve,
                lambda _: ports.services(),
                table=TABLE,
                serves=endpoints(),
                layers=layers,
            )

        loaded, _ = load_with_placeholders(load, References(planned.environment))
        return loaded, ports


def _failures(planned: Planned, index: int, told: Told) -> Iterable[Failure]:
    expected = planned.calls[index].expect
    found = misses(expected, told) if expected is not None else []
    story = story_of(told) if found else ""
    for miss in found:
        what = _named(miss.path) if not planned.case.calls else f"call {index + 1}: {_named(miss.path)}"
        yield Failure(planned.place(index, miss.path), what, miss.expected, miss.got, story)


def _named(path: Within) -> str:
    return ".".join(str(part) for part in path)
