"""Paired rounds: all are started beside one another and asked in turn (A B C A B C ...), so that whatever else the
machine does hits all of them; ratios are taken within a round.

The one that is measured has a core; who asks and who answers share the other. CPU time is read from /proc, of all the
processes of the one that is measured.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from typing import Any

import uvloop

from bench.entrant import Entrant, Running
from bench.figures import Round
from bench.load import Question, Refused, ask
from bench.peer import once
from bench.process import Process, cpu_seconds
from bench.roster import WRK, WRK_VERSION
from bench.site import Site, Upstream
from bench.subjects import Subject
from bench.wrk import asked, written

Load = Callable[[int, float], tuple[int, float]]
"""Asks a port for so many seconds: whole answers, and the seconds that they took. Raises Refused."""


_LONGEST_WARM_UP = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long everything takes. `seconds` are those of one in one round."""

    rounds: int = 5
    seconds: float = 2.0
    warm_up: float = 1.0


@dataclass(frozen=True, slots=True)
class Contest:
    """Who are measured beside one another, with what upstream. `whole`: wrk asks, where it is."""

    entrants: Sequence[Entrant]
    upstream: Upstream
    reference: str
    whole: bool = True

    def held(self, site: Site, plan: Plan) -> dict[str, Any]:
        """The section of the results. An entrant that does not start is absent, with the reason; ours must start."""
        absent = {each.name: each.absent for each in self.entrants if each.absent}
        with ExitStack() as stack:
            running = {}
            for each in self.entrants:
                if each.absent:
                    continue
                try:
                    running[each.name] = stack.enter_context(each.started(site, self.upstream))
                except RuntimeError as cause:
                    if not each.version:
                        raise
                    absent[each.name] = str(cause)[-300:]
            return {
                "upstream": self.upstream.name,
                "generator": generator(self.whole),
                "reference": self.reference,
                "absent": absent,
                "entrants": self._measured(site, plan, running),
            }

    def _measured(self, site: Site, plan: Plan, running: dict[str, Running]) -> dict[str, Any]:
        present = [each for each in self.entrants if each.name in running]
        loads = {each.name: self._load(each, site) for each in present}
        idle: dict[str, int] = {}
        rounds: dict[str, list[Round]] = {each.name: [] for each in present}
        for each in present:
            _check(each, running[each.name], site, self.upstream)
            idle[each.name] = running[each.name].process.resident_bytes()
            questions = len(each.questions(site.keys, self.upstream))
            _warm(loads[each.name], running[each.name].port, plan.warm_up, questions)
        for _ in range(plan.rounds):
            for each in present:
                here = running[each.name]
                seconds = plan.seconds * each.slowness
                rounds[each.name].append(_round(here.process, self.upstream, loads[each.name], here.port, seconds))
        return {
            each.name: {
                "rounds": [list(astuple(one)) for one in rounds[each.name]],
                "ready": running[each.name].ready,
                "idle": idle[each.name],
                "loaded": running[each.name].process.resident_bytes(),
                "lacks": each.lacks,
                "version": each.version,
            }
            for each in present
        }

    def _load(self, entrant: Entrant, site: Site) -> Load:
        questions = entrant.questions(site.keys, self.upstream)
        program = WRK() if self.whole else None
        if program is None:
            return lambda port, seconds: by_own_client(port, questions[0], seconds)
        file = written([each.request for each in questions], site.place() / "requests")
        return lambda port, seconds: asked(program, port, file, max(1.0, seconds))


def generator(whole: bool) -> str:
    program = WRK() if whole else None
    return f"wrk {WRK_VERSION(program)}" if program else "bench.load"


def by_own_client(port: int, question: Question, seconds: float) -> tuple[int, float]:
    begun = time.perf_counter()
    answers = uvloop.run(ask(port, question, seconds))
    return answers, time.perf_counter() - begun


def _warm(load: Load, port: int, seconds: float, questions: int) -> None:
    """Until every question was asked once."""
    while load(port, seconds)[0] < questions and seconds < _LONGEST_WARM_UP:
        seconds *= 2


def _check(entrant: Entrant, running: Running, site: Site, upstream: Upstream) -> None:
    """One question before any is counted. Raises Refused."""
    question = entrant.questions(site.keys, upstream)[0]
    status, answer = once(running.port, question)
    if status != 200 or question.expected not in answer:
        raise Refused(f"{entrant.name} said {status}: {answer[:300]!r}")


def _round(process: Process, upstream: Upstream, load: Load, port: int, seconds: float) -> Round:
    own, others, begun = process.cpu_seconds(), busy(upstream.process), time.perf_counter()
    answers, took = load(port, seconds)
    if not answers:
        raise Refused(f"no answer in {seconds:g} s")
    cpu, other, over = process.cpu_seconds() - own, busy(upstream.process) - others, time.perf_counter() - begun
    time.sleep(0.1)  # what it still writes is not the next one's
    return Round(answers, took, cpu, other * took / over)


def busy(upstream: Process) -> float:
    """CPU seconds of who asks and who answers; wrk is a child that has ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu_seconds(os.getpid()) + upstream.cpu_seconds() + ended.ru_utime + ended.ru_stime


async def measured_round(subject: Subject, upstream: Process, seconds: float) -> Round:
    """One round with our own client."""
    own, others, begun = subject.process.cpu_seconds(), busy(upstream), time.perf_counter()
    answers = await ask(subject.port, subject.question, seconds)
    took, cpu, other = time.perf_counter() - begun, subject.process.cpu_seconds() - own, busy(upstream) - others
    await asyncio.sleep(0.1)  # what the subject still writes is not the next one's
    return Round(answers, took, cpu, other)
