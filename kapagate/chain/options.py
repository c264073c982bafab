"""The options that stand beside every filter's own, implemented once, as wrappers from step to step.

`when` lists are OR, its keys are AND. Route and method are decided when a chain is composed, the role per request.
`on_error` covers any exception but Problem, Gone and cancellation: `deny` leaves it to the engine (503 when a back end
failed, 500 for a bug), `allow` goes on and says `skipped`.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal, TypeVar

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from kapagate.answer.refusal import Refusal
from kapagate.answer.rules import Altered, AnswerRules
from kapagate.chain.exchange import Exchange
from kapagate.chain.order import ranked
from kapagate.chain.principal import PRINCIPAL
from kapagate.chain.response import Response
from kapagate.chain.route import Method, Route, serves
from kapagate.chain.step import Step

log = logging.getLogger(__name__)
H = TypeVar("H")


class When(BaseModel):
    """The requests that a step is for: lists are OR, keys are AND."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    route: tuple[str, ...] | None = Field(None, min_length=1, description="Routes, or permissions that cover them.")
    method: tuple[Method, ...] | None = Field(None, min_length=1, description="Request methods, in upper case.")
    role: tuple[str, ...] | None = Field(
        None, min_length=1, description="Roles; one of the caller's must be among them."
    )
    public: bool | None = Field(
        None, description="`false`: routes that ask who is there; `true`: those that do not (`public: true`)."
    )

    def covers(self, route: Route, method: str) -> bool:
        """What can be decided without a caller."""
        if self.public is not None and self.public != route.public:
            return False
        by_route = self.route is None or route.covered_by(frozenset(self.route))
        return by_route and (self.method is None or serves(self.method, method))


class Options(BaseModel):
    """What may stand beside any filter in a chain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = Field(
        None, pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="The step's name; by default the filter's."
    )
    when: When | None = Field(None, description="The requests that the step is for; all when left out.")
    mode: Annotated[Literal["enforce", "shadow", "off"], ranked("off", "shadow", "enforce")] = Field(
        "enforce", description="`shadow` only counts what it would have done."
    )
    on_error: Annotated[Literal["deny", "allow"], ranked("allow", "deny")] = Field(
        "deny", description="What a failure of the step means for the request."
    )
    locked: Annotated[bool | Literal["all"], ranked(False, True, "all")] = Field(
        False, description="`true`: tenants may only tighten the step; `all`: environments too."
    )

    @property
    def unconditional(self) -> bool:
        """Whether the step always acts, so that later steps can stand on its facts."""
        return self.when is None and self.mode == "enforce" and self.on_error == "deny"


def for_roles(step: Step, roles: frozenset[str]) -> Step:
    """The step for callers with one of the roles; for others it is passed by in every phase."""

    def meant(ex: Exchange) -> bool:
        principal = ex.get(PRINCIPAL)
        return principal is not None and not roles.isdisjoint(principal.roles)

    async def on_request(ex: Exchange) -> Response | None:
        if meant(ex):
            return await step.on_request(ex) if step.on_request else None
        verdict = ex.verdict()
        verdict.outcome, verdict.reason = "skipped", "when"
        return None

    def on_answer(ex: Exchange) -> AnswerRules | None:
        return step.on_answer(ex) if step.on_answer and meant(ex) else None

    async def on_opening(ex: Exchange) -> None:
        if step.on_opening and meant(ex):
            await step.on_opening(ex)

    async def on_seal(ex: Exchange) -> None:
        if step.on_seal and meant(ex):
            await step.on_seal(ex)

    def on_done(ex: Exchange) -> None:
        if step.on_done and meant(ex):
            step.on_done(ex)

    return _with_hooks(step, on_request, on_answer, on_opening, on_seal, on_done)


def lenient(step: Step) -> Step:
    """`on_error: allow`: a failure is logged and counted as skipped, and the request goes on without the step."""
    soften = Altered(lenient=True)

    async def on_request(ex: Exchange) -> Response | None:
        try:
            return await step.on_request(ex) if step.on_request else None
        except Refusal:
            raise
        except Exception as cause:
            _skip(ex, cause)
            return None

    def on_answer(ex: Exchange) -> AnswerRules | None:
        try:
            rules = step.on_answer(ex) if step.on_answer else None
        except Refusal:
            raise
        except Exception as cause:
            _skip(ex, cause)
            return None
        return rules and soften(rules)

    async def on_opening(ex: Exchange) -> None:
        try:
            if step.on_opening:
                await step.on_opening(ex)
        except Refusal:
            raise
        except Exception as cause:
            _skip(ex, cause)

    async def on_seal(ex: Exchange) -> None:
        try:
            if step.on_seal:
                await step.on_seal(ex)
        except Refusal:
            raise
        except Exception as cause:
            _skip(ex, cause)

    return _with_hooks(step, on_request, on_answer, on_opening, on_seal, step.on_done)


def _skip(ex: Exchange, cause: Exception) -> None:
    verdict = ex.verdict()
    verdict.outcome, verdict.reason = "skipped", "failed"
    log.warning("step %s failed and was passed by (on_error: allow): %r", ex.step, cause, extra={"exchange": ex})


def _with_hooks(step: Step, on_request: Any, on_answer: Any, on_opening: Any, on_seal: Any, on_done: Any) -> Step:
    """The step with its hooks replaced; a hook that it never had stays absent."""
    return replace(
        step,
        on_request=on_request if step.on_request or step.on_answer else None,
        on_answer=step.on_answer and on_answer,
        on_opening=step.on_opening and on_opening,
        on_seal=step.on_seal and on_seal,
        on_done=step.on_done and on_done,
    )
