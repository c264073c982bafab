"""audit: a record of every exchange. Its place is reserved before anything is decided, and filled when all is done."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.fact import Fact
from kapagate.chain.filter import Filter
from kapagate.chain.meter import Count, Meter
from kapagate.chain.problem import BackendFailed, Problem
from kapagate.chain.response import Response
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.ledger.ledger import Ledger, Place
from kapagate.ledger.record import record_of
from kapagate.ledger.transcript import Transcript

RETRY_AFTER = 1.0


class Audit(Filter):
    """Records who asked for what, what every step decided, and how it ended. Put it first in the chain.

    People appear by their subject alone. Texts are recorded only when `include` names them, after all guards: the
    question as it went upstream, the answer as it was delivered.
    """

    modes: ClassVar[frozenset[str]] = frozenset({"enforce", "off"})
    failures: ClassVar[frozenset[str]] = frozenset({"deny"})

    include: tuple[Literal["question", "answer"], ...] = Field((), description="Texts that are recorded in full.")
    on_full: Literal["refuse", "serve"] = Field(
        "refuse", description="When no record can be kept: refuse with 503, or serve and count what is missing."
    )
    durability: Literal["batched"] = Field(
        "batched", description="Records are durable within 50 ms; a crash of the machine or process loses no more."
    )

    def compile(self, services: Services) -> Step:
        work = _Work(self, services)
        return Step(on_request=work.reserve, on_done=work.record)


class _Work:
    """The step's hooks."""

    def __init__(self, options: Audit, services: Services) -> None:
        self._ledger: Ledger = services[Ledger]
        self._include = frozenset(options.include)
        self._refuses = options.on_full == "refuse"
        self._place: Fact[Place] = Fact("audit.place")
        self._transcript: Fact[Transcript] = Fact("audit.transcript")
        full = services[Meter].counter(
            "kapagate_audit_full_total", "Exchanges for whose record there was no place.", ["action"]
        )
        self._full: Count = full.labels("refused" if self._refuses else "served")
        self._missed: Count = (
            services[Meter]
            .counter("kapagate_audit_missed_total", "Records that found no place and are not kept.")
            .labels()
        )

    async def reserve(self, ex: Exchange) -> Response | None:
        transcript = ex.facts[self._transcript] = Transcript("answer" in self._include)
        ex.report.listen = transcript.add
        try:
            ex.facts[self._place] = await self._ledger.reserve()
        except BackendFailed as cause:
            self._full.inc()
            if self._refuses:
                detail = "The request cannot be recorded right now, so it is not served."
                raise Problem(problems.UNAVAILABLE, detail, retry_after=RETRY_AFTER) from cause
        return None

    def record(self, ex: Exchange) -> None:
        place: Place | None = ex.facts.get(self._place)
        try:
            row = record_of(ex, self._include, ex.facts.get(self._transcript))
        except Exception:
            if place is not None:
                place.release()
            raise
        if place is not None:
            place.fill(row)
        elif not self._ledger.fill_unreserved(row):
            self._missed.inc()
