"""audit: a record of every exchange. Its place is reserved before anything is decided, and filled when all is done.

With `durability: sync` the intent is durable before the request goes on, and the record before the last bytes leave:
what a client saw whole has its record, what an upstream saw has its intent, however the process ends. An exchange
whose end is not the one that was sealed (the client left over the last bytes) has a second record that amends it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.fact import Fact
from kapagate.chain.filter import Filter
from kapagate.chain.meter import Count, Meter
from kapagate.chain.order import Label, ranked
from kapagate.chain.problem import BackendFailed, Problem
from kapagate.chain.response import Response
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.units import Duration, Size
from kapagate.chain.verdict import Decision
from kapagate.ledger.ledger import Ledger
from kapagate.ledger.outcome import Outcome, outcome_of
from kapagate.ledger.record import intent_of, record_of
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
    on_full: Annotated[Literal["refuse", "serve"], ranked("serve", "refuse")] = Field(
        "refuse", description="When no record can be kept: refuse with 503, or serve and count what is missing."
    )
    durability: Annotated[Literal["batched", "sync", "off"], ranked("off", "batched", "sync")] = Field(
        "batched",
        description="`batched`: records are durable within 50 ms and the write under way; a crash of the machine or "
        "process loses no more, and a gap record says so. `sync`: what is to be done is durable before the upstream is "
        "asked, the record before the last bytes leave. `off`: nothing is promised and nothing refused for a record's "
        "sake; not for a locked step.",
    )
    retention: Duration | None = Field(
        None,
        gt=0,
        description="How long records are kept; for ever when left out. Of several steps the longest counts.",
    )
    max_size: Size | None = Field(
        None, gt=0, description="How much is kept of them; beyond that the oldest go. Of several steps the most counts."
    )

    @property
    def lockable(self) -> bool:
        return self.durability != "off"

    presence: ClassVar[Label] = "tighter"

    @property
    def decisions(self) -> frozenset[Decision]:
        refuses = self.on_full == "refuse" and self.durability != "off"
        return frozenset({"passed", "refused"} if refuses else {"passed"})

    def compile(self, services: Services) -> Step:
        if self.durability == "sync":
            sealing = _Sealing(self, services)
            return Step(on_request=sealing.intend, on_seal=sealing.seal, on_done=sealing.record)
        work = _Work(self, services)
        return Step(on_request=work.attend if self.durability == "off" else work.reserve, on_done=work.record)


class _Work:
    """The step's hooks. `_unplaced` stands for exchanges that go on without a place."""

    def __init__(self, options: Audit, services: Services) -> None:
        self._ledger: Ledger = services[Ledger]
        self._include = frozenset(options.include)
        self._keeps = "answer" in options.include
        self._refuses = options.on_full == "refuse"
        self._transcript: Fact[Transcript] = Fact("audit.transcript")
        self._unplaced: Fact[bool] = Fact("audit.unplaced")
        full = services[Meter].counter(
            "kapagate_audit_full_total", "Exchanges for whose record there was no place.", ["action"]
        )
        self._full: Count = full.labels("refused" if self._refuses else "served")
        self._missed: Count = (
            services[Meter]
            .counter("kapagate_audit_missed_total", "Records that found no place and are not kept.")
            .labels()
        )

    async def attend(self, ex: Exchange) -> Response | None:
        """Of an exchange that is recorded if there is room when it ends."""
        self._listen(ex)
        ex.facts[self._unplaced] = True
        return None

    async def reserve(self, ex: Exchange) -> Response | None:
        self._listen(ex)
        if not self._ledger.take():
            try:
                await self._ledger.reserve()
            except BackendFailed as cause:
                ex.facts[self._unplaced] = True
                self._fail(cause)
        return None

    def record(self, ex: Exchange) -> None:
        self._keep(ex, ex.facts.get(self._transcript))

    def _listen(self, ex: Exchange) -> None:
        transcript = ex.facts[self._transcript] = Transcript(self._keeps)
        ex.report.listen = transcript.add

    def _fail(self, cause: BackendFailed) -> None:
        """Refuses or serves, as the policy says. Raises Problem."""
        self._full.inc()
        if self._refuses:
            detail = "The request cannot be recorded right now, so it is not served."
            raise Problem(problems.UNAVAILABLE, detail, retry_after=RETRY_AFTER) from cause

    def _keep(self, ex: Exchange, transcript: Transcript | None, ended: float = 0.0, settles: str = "") -> bool:
        """Whether there was room. An exchange that never reached the step has no transcript, and no place."""
        placed = transcript is not None and self._unplaced not in ex.facts
        try:
            row = record_of(ex, self._include, transcript, ended)
        except Exception:
            if placed:
                self._ledger.release()
            raise
        if placed:
            self._ledger.fill(row, settles)
            return True
        if self._ledger.fill_unreserved(row, settles):
            return True
        self._missed.inc()
        return False


class _Sealing(_Work):
    """The hooks of `durability: sync`. `_sealed` is what was said of the outcome."""

    def __init__(self, options: Audit, services: Services) -> None:
        super().__init__(options, services)
        self._clock = services[Clock]
        self._sealed: Fact[Outcome] = Fact("audit.sealed")

    async def intend(self, ex: Exchange) -> Response | None:
        await self.reserve(ex)
        if self._unplaced not in ex.facts:
            self._ledger.intend(ex.decision, intent_of(ex))
            await self._flush(ex)
        return None

    async def seal(self, ex: Exchange) -> None:
        """Raises Problem when the record cannot be durable; then that is what the client is told."""
        status = ex.status or (ex.response.status if ex.response else 500)
        kept = self._keep(ex, ex.facts.get(self._transcript), self._clock.monotonic(), ex.decision)
        ex.facts[self._sealed] = outcome_of(ex, status)
        ex.facts[self._unplaced] = True
        if kept:
            await self._flush(ex)

    def record(self, ex: Exchange) -> None:
        sealed = ex.facts.get(self._sealed)
        if sealed is None:
            self._keep(ex, ex.facts.get(self._transcript), settles=ex.decision)
        elif sealed != outcome_of(ex):
            row = record_of(ex, self._include, ex.facts.get(self._transcript), amends=True)
            if not self._ledger.fill_unreserved(row):
                self._missed.inc()

    async def _flush(self, ex: Exchange) -> None:
        try:
            await self._ledger.flush()
        except BackendFailed as cause:
            if ex.refusal is None:
                self._fail(cause)
