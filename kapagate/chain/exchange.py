"""One request and what becomes of it.

What the wire said is an attribute; what a filter concluded is a fact. `ex[FACT]` is for facts that an earlier step
writes unconditionally (checked when the chain is loaded), `ex.get(FACT)` for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from kapagate.answer.document import Unacceptable, strict_loads
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.weight import check_weight
from kapagate.chain import problems
from kapagate.chain.edit import UNREAD, UNTOUCHED, RequestEdit
from kapagate.chain.fact import Fact
from kapagate.chain.problem import Problem
from kapagate.chain.query import parameters_of
from kapagate.chain.request import Kept, Request
from kapagate.chain.verdict import PASSED, Verdict

if TYPE_CHECKING:
    from kapagate.chain.compose import Chain
    from kapagate.chain.generation import Generation
    from kapagate.chain.response import Response
    from kapagate.chain.route import Route

T = TypeVar("T")


class Unseen(Exception):
    """A shadow would have to hold up what passes in order to see it."""


class Times(Struct):
    """Moments of one exchange, monotonic seconds; 0.0 where it never came to that. `opened`: the head leaves; `told`:
    the first text of the answer does.
    """

    received: float
    sent: float = 0.0
    answered: float = 0.0
    opened: float = 0.0
    ended: float = 0.0
    told: float = 0.0


class Exchange(Struct, eq=False):
    """`decision` names this exchange's decision in records and problems; `correlation_id` ties it to the caller's own.

    `step` is the id of the step at work. `status` is what the client was told (0: nothing). `refusal` and `broken` say
    how it failed before and after its head left. `share` is the tenant whose bound it counts for, while it runs.
    `received_at` is wall time. `headers_out` are fields that steps add to
    whatever answer leaves. `when_gone` is set by the hop while it waits. `forks` are the exchanges of shadow steps by
    their ids, None for one that would have refused. `sealing`: bytes that leave once its seal hooks are done.
    `upstream_rules` are what the upstream's adapter itself asks of the answer, beside the policy's steps.
    """

    request: Request
    route: Route
    params: Mapping[str, str]
    correlation_id: str
    decision: str
    times: Times
    received_at: float
    generation: Generation
    chain: Chain
    operation: str = ""
    step: str = ""
    edit: RequestEdit = UNTOUCHED
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    response: Response | None = None
    status: int = 0
    sent_bytes: int = 0
    sealing: int = 0
    refusal: Problem | None = None
    broken: BaseException | None = None
    gone: bool = False
    when_gone: Callable[[], None] | None = None
    facts: dict[Fact[Any], Any] = field(default_factory=dict)
    shared: Exchange | None = None
    headers_out: list[tuple[bytes, bytes]] = field(default_factory=list)
    forks: dict[str, Exchange | None] = field(default_factory=dict)
    upstream_rules: tuple[AnswerRules, ...] = ()
    share: str = ""

    def __getitem__(self, fact: Fact[T]) -> T:
        value: T = self.facts[fact]
        return value

    def get(self, fact: Fact[T]) -> T | None:
        return self.facts.get(fact)

    def put(self, fact: Fact[T], value: T) -> None:
        self.facts[fact] = value

    def verdict(self, step: str = "") -> Verdict:
        """The verdict of a step (by default the one at work), to be written; made when first asked for."""
        step = step or self.step
        verdict = self.verdicts.get(step, PASSED)
        if verdict is PASSED:
            verdict = self.verdicts[step] = Verdict()
        return verdict

    async def document(self) -> Any:
        """The request's JSON body with the steps' changes; read and parsed once. Raises Problem when it is none.

        Where a route asks by its query, the parameters are the document.
        """
        document = self.edit.document
        if document is UNREAD:
            document = self.shared.edit.document if self.shared is not None else UNREAD
            if document is UNREAD:
                document = await self._parsed()
            self.edit = self.edit.with_document(document)
        return document

    async def _parsed(self) -> Any:
        request = self.request
        if self.route.asks_by_query:
            return parameters_of(request.query)
        if isinstance(request.body, Kept) and request.body.document is not UNREAD:
            return request.body.document
        codings = request.headers.all(b"content-encoding")
        if codings and any(coding.lower() != b"identity" for coding in codings):
            raise Problem(problems.UNSUPPORTED_MEDIA, "send the body without a content coding")
        body = await self._taken()
        try:
            check_weight(body)
            document = strict_loads(body)
        except Unacceptable as cause:
            request.body = Kept(body)
            raise Problem(problems.MALFORMED_BODY, f"the body is not acceptable JSON: {cause}") from cause
        if self.shared is not None:
            request.body = Kept(body, document=document)
        return document

    async def _taken(self) -> bytes:
        """The body's bytes. A shadow takes only what is sure to be given back: its bytes go on as they came."""
        request, limit = self.request, self.route.body_limit
        if self.shared is not None:
            length = request.body.length
            if length is None:
                raise Unseen
            if length > limit:
                raise Problem(problems.BODY_TOO_LARGE, f"the body may have at most {limit} bytes here")
        try:
            return await request.body.read(limit)
        except Problem as cause:
            request.body = Kept(failure=cause)
            raise

    def fork(self, step: str) -> Exchange:
        """A copy for a shadow step. It shares the wire and the parsed body and sees the facts; all else is its own."""
        twin = Exchange(
            self.request,
            self.route,
            self.params,
            self.correlation_id,
            self.decision,
            self.times,
            self.received_at,
            self.generation,
            self.chain,
            self.operation,
            step,
            self.edit,
            report=self.report,
            facts=_Overlay(self.facts),
            shared=self.shared or self,
        )
        twin.catch_up()
        return twin

    def catch_up(self) -> None:
        """A fork learns what became of its exchange since."""
        if (shared := self.shared) is not None:
            self.chain, self.operation = shared.chain, shared.operation
            response = shared.response
            self.response = response and replace(response, headers=[*response.headers])
            self.status, self.sent_bytes, self.gone = shared.status, shared.sent_bytes, shared.gone
            self.refusal, self.broken = shared.refusal, shared.broken

    def leave(self) -> None:
        """The client has left: the hop alone is cancelled."""
        self.gone = True
        if self.when_gone is not None:
            self.when_gone()


class _Overlay(dict[Fact[Any], Any]):
    """A fork's own facts over those of its exchange, which it goes on seeing as they come."""

    __slots__ = ("_beneath",)

    def __init__(self, beneath: dict[Fact[Any], Any]) -> None:
        super().__init__()
        self._beneath = beneath

    def __missing__(self, fact: Fact[Any]) -> Any:
        return self._beneath[fact]

    def get(self, fact: Fact[Any], default: Any = None) -> Any:
        return super().get(fact, default) if fact in self else self._beneath.get(fact, default)
