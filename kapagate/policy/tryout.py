"""What the guards of a tenant make of one text, without asking anybody: every finding, and what would be delivered.

The chain is the one that is composed for the route, and its guards are its own: the hooks of the steps that look at
questions, or the rules that steps contribute to answers, in the pump. Nothing is counted and nothing recorded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from kapagate.answer.events import Event, Place, Sources, Text, TextKind, Uncertain
from kapagate.answer.places import places_in
from kapagate.answer.pump import pump
from kapagate.answer.rules import AnswerRules, TextRule
from kapagate.chain.compose import ANSWER_SURFACES, Placed
from kapagate.chain.exchange import Exchange, Times
from kapagate.chain.faults import problem_of
from kapagate.chain.generation import Generation
from kapagate.chain.headers import Headers
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal, Tenant
from kapagate.chain.problem import Problem
from kapagate.chain.request import Kept, Request
from kapagate.chain.response import Response
from kapagate.chain.route import Route, Surface
from kapagate.kapa.texts import SOURCE_KINDS, UNTOUCHED

LONGEST = 32 * 1024
_TEXT = ("text",)
_SURFACES: dict[str, frozenset[Surface]] = {"question": frozenset({"question"}), "answer": ANSWER_SURFACES}
_SHOWN: dict[str, Surface] = {"question": "question", "answer": "running text"}


class Source(BaseModel):
    """A source of an answer, as Kapa tells it."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    source_url: str = Field(max_length=2000)
    title: str = Field("", max_length=2000)


class Trial(BaseModel):
    """A text to try. What guards decide on the whole answer is tried only where `sources` or `uncertain` is told."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    text: str = Field(max_length=LONGEST)
    direction: Literal["question", "answer"] = "answer"
    tenant: str = Field("default", max_length=200)
    roles: tuple[str, ...] = Field((), max_length=32)
    route: str | None = Field(None, max_length=200)
    sources: tuple[Source, ...] | None = Field(None, max_length=100)
    uncertain: bool | None = None


class Finding(Struct, frozen=True):
    """Something that a rule of a step found: characters `start:end` of the text as the step sees it, and what becomes
    of them. `action` is `refuse` where that ends the exchange; of findings that overlap the severest has its way.
    """

    step: str
    guard: str
    rule: str
    mode: Literal["enforce", "shadow"]
    action: Literal["redact", "refuse"]
    start: int
    end: int
    found: str
    becomes: str


class Refusal(Struct, frozen=True):
    """Why nothing would be delivered."""

    step: str
    rule: str
    status: int
    problem: str
    detail: str


class Tried(Struct, frozen=True):
    """What became of a text. `delivered` None: nothing, and `refusal` says why. `steps` are the guards that acted,
    `undecided` those that decide on whole answers and were told nothing of one.
    """

    direction: str
    tenant: str
    roles: Sequence[str]
    route: str
    policy: str
    delivered: str | None
    changed: bool
    refusal: Refusal | None = None
    findings: Sequence[Finding] = ()
    steps: Sequence[str] = ()
    undecided: Sequence[str] = ()


async def try_out(generation: Generation, trial: Trial) -> Tried:
    """Raises LookupError for a tenant or route that there is not, or that has no such text."""
    tenant = generation.tenants.get(trial.tenant)
    if tenant is None:
        raise LookupError(f'there is no tenant "{trial.tenant}"; there are: {_listed(generation.tenants)}')
    route = _route(generation, trial)
    ex = _exchange(generation, tenant, route, trial)
    steps = _guards(generation, tenant, ex, trial)
    return await (_question(ex, steps, trial) if trial.direction == "question" else _answer(ex, steps, trial))


def _route(generation: Generation, trial: Trial) -> Route:
    """The one that is named, or the first that has such a text; a chat of Kapa's comes first."""
    shown = _SHOWN[trial.direction]
    fit = [route for route in generation.routes.routes if shown in route.shows]
    if trial.route is None:
        chosen = sorted(fit, key=lambda route: route.name != "kapa.chat")
    else:
        chosen = [route for route in fit if route.name == trial.route]
    if not chosen:
        named = "no route" if trial.route is None else f'no route "{trial.route}" that'
        raise LookupError(f"there is {named} shows guards a {shown}; there are: {_listed(each.name for each in fit)}")
    return chosen[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:12]) or "none"


def _exchange(generation: Generation, tenant: Tenant, route: Route, trial: Trial) -> Exchange:
    method = sorted(route.methods)[-1]
    kinds: list[TextKind] = [place.kind for place in route.texts]
    asked = replace(route, texts=(Place(_TEXT, kinds[0] if kinds else "question"),), finds_texts=None)
    request = Request(method, route.template, "", Headers(), Kept(b"{}"))
    chain = generation.chain(route, method, tenant)
    ex = Exchange(request, asked, {}, "", "", Times(0.0), 0.0, generation, chain, route.operation)
    ex.put(TENANT, tenant)
    ex.put(PRINCIPAL, Principal("", tenant.name, trial.roles))
    ex.edit = ex.edit.with_document({"text": trial.text})
    return ex


def _guards(generation: Generation, tenant: Tenant, ex: Exchange, trial: Trial) -> list[Placed]:
    """The steps that act on such a text here, for these roles, in the policy's order."""
    gate = generation.steps.gate if ex.route.gate is None else ex.route.gate
    placed = (*gate, *(tenant.steps or generation.steps).chain)
    here, surfaces = frozenset(ex.chain.steps), _SURFACES[trial.direction]
    return [each for each in placed if each.id in here and surfaces & each.step.needs.keys() and _meant(each, trial)]


def _meant(placed: Placed, trial: Trial) -> bool:
    when = placed.options.when
    return when is None or when.role is None or not set(when.role).isdisjoint(trial.roles)


async def _question(ex: Exchange, steps: Sequence[Placed], trial: Trial) -> Tried:
    """Step by step: each sees what those before it made of the text."""
    findings: list[Finding] = []
    kind = ex.route.texts[0].kind
    for placed in steps:
        if placed.acting.on_request is None:
            continue
        findings += _found(placed, placed.step.texts, kind, ex.edit.document["text"])
        ex.step = placed.id
        try:
            await placed.acting.on_request(ex)
        except Exception as cause:
            return _told(ex, steps, trial, None, findings, refusal=_refusal(cause, ex))
    return _told(ex, steps, trial, ex.edit.document["text"], findings)


async def _answer(ex: Exchange, steps: Sequence[Placed], trial: Trial) -> Tried:
    """All rules at once, as the pump has it."""
    whole = trial.sources is not None or trial.uncertain is not None
    said = _Said(_events(trial), not _flows(ex))
    ex.response = Response(200, codec=said)
    by_id = {each.id: each for each in steps}
    findings: list[Finding] = []
    rules: list[AnswerRules] = []
    undecided: list[str] = []
    try:
        for name, hook in ex.chain.answer:
            ex.step = name
            if name in by_id and (given := hook(ex)) is not None:
                findings += _found(by_id[name], given.texts, "answer", trial.text)
                rules.append(given if whole else replace(given, end=None))
                undecided += [name] if given.end is not None and not whole else []
        await _pumped(said, rules, ex)
    except Exception as cause:
        return _told(ex, steps, trial, None, sorted(findings, key=_by_place), undecided, _refusal(cause, ex))
    return _told(ex, steps, trial, said.text, sorted(findings, key=_by_place), undecided)


def _flows(ex: Exchange) -> bool:
    """Whether parts of such an answer leave before its end is known. Raises LookupError."""
    upstream = ex.route.upstream
    try:
        return "whole answer" in ex.route.hides and not (upstream and upstream.adapter.holds(ex))
    except Problem as cause:
        raise LookupError(cause.detail) from None


def _events(trial: Trial) -> list[Event]:
    sources = [each.model_dump() for each in trial.sources or ()]
    told: list[Event] = [Text(trial.text)]
    told += [Sources(sources, places_in(sources, SOURCE_KINDS, UNTOUCHED))] if sources else []
    return told if trial.uncertain is None else [*told, Uncertain(trial.uncertain)]


async def _pumped(said: _Said, rules: Sequence[AnswerRules], ex: Exchange) -> None:
    async for _ in pump(_nothing(), said, rules, said.whole, ex.report):
        raise AssertionError("nothing is written here")


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


def _found(placed: Placed, texts: Sequence[TextRule], kind: TextKind, text: str) -> Iterator[Finding]:
    mode: Literal["enforce", "shadow"] = "shadow" if placed.options.mode == "shadow" else "enforce"
    for rule in texts:
        for edit in rule.scan(text, 0, True)[0] if kind in rule.kinds and text else ():
            yield Finding(
                placed.id,
                placed.name,
                edit.kind,
                mode,
                "refuse" if edit.refuse else "redact",
                edit.start,
                edit.end,
                text[edit.start : edit.end],
                "" if edit.refuse else edit.text,
            )


def _by_place(finding: Finding) -> tuple[int, int]:
    return finding.start, finding.end


def _refusal(cause: Exception, ex: Exchange) -> Refusal:
    problem = problem_of(cause, ex)
    rule = str(problem.members.get("rule", ""))
    return Refusal(problem.step, rule, problem.kind.status, problem.kind.name, problem.detail)


def _told(
    ex: Exchange,
    steps: Sequence[Placed],
    trial: Trial,
    delivered: str | None,
    findings: Sequence[Finding],
    undecided: Sequence[str] = (),
    refusal: Refusal | None = None,
) -> Tried:
    return Tried(
        trial.direction,
        trial.tenant,
        trial.roles,
        ex.route.name,
        ex.generation.policy,
        delivered,
        delivered != trial.text,
        refusal,
        findings,
        [each.id for each in steps],
        undecided,
    )


class _Said(Struct):
    """The codec of an answer that is at hand: it keeps the text that leaves, and writes nothing."""

    events: Sequence[Event]
    whole: bool
    dropped: int = 0
    text: str = ""

    def decode(self, chunk: bytes) -> Iterable[Event]:
        return ()

    def end(self) -> Iterable[Event]:
        return self.events

    def encode(self, events: Iterable[Event]) -> bytes:
        self.text += "".join(event.text for event in events if isinstance(event, Text))
        return b""

    def finish(self, events: Iterable[Event]) -> bytes:
        return self.encode(events)

    def failure(self, reason: str) -> bytes | None:
        return None
