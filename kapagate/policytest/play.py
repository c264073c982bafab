"""A case at work: its calls go through the gate, the chain and the codecs, and what came of each is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from msgspec import Struct, field

from kapagate.chain.exchange import Exchange
from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem
from kapagate.chain.route import Route
from kapagate.chain.verdict import Decision
from kapagate.ledger.outcome import outcome_of, problem_of
from kapagate.policytest.client import Posted, Received
from kapagate.policytest.credentials import Credentials, Fields
from kapagate.policytest.decisions import decisions_of
from kapagate.policytest.declaration import Call, Caller, Case, PolicyTest
from kapagate.policytest.series import parse_series
from kapagate.policytest.stage import Stage
from kapagate.policytest.upstream import FINE, Asked

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_WITHOUT_BODY, _WITH_BODY = ("GET", "HEAD", "DELETE", "OPTIONS"), ("POST", "PUT", "PATCH")
_SEPARATOR = "␞".encode()


class Target(Struct):
    """What a call asks for."""

    method: str
    address: str
    route: Route | None


class Told(Struct, dict=True):
    """What came of one call: what the client got, what the upstream received, what the record says.

    `refused`: why the request never became an exchange. `grown`: by how much the series grew that the call expects
    something of, in their order.
    """

    target: Target
    got: Received
    asked: list[Asked]
    exchange: Exchange | None = None
    refused: Problem | None = None
    record: dict[str, Any] = field(default_factory=dict)
    grown: list[float] = field(default_factory=list)

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        return decisions_of(self.exchange) if self.exchange is not None else {}

    @property
    def outcome(self) -> str:
        return outcome_of(self.exchange) if self.exchange is not None else "refused"

    @property
    def problem(self) -> Problem | None:
        return problem_of(self.exchange) if self.exchange is not None else self.refused

    @property
    def status(self) -> int:
        return self.got.status if self.refused is None else self.refused.kind.status

    @cached_property
    def document(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return orjson.loads(self.got.body)
        except ValueError:
            return None

    @cached_property
    def text(self) -> str:
        """The running text of Kapa's answer, streamed or not; the whole body of anything else."""
        exchange, body = self.exchange, self.got.body
        if _SEPARATOR in body and exchange is not None and exchange.route.permission.startswith("kapa."):
            return "".join(filter(None, map(_said_in, body.split(_SEPARATOR))))
        if isinstance(self.document, dict) and isinstance(self.document.get("answer"), str):
            return str(self.document["answer"])
        return body.decode("utf-8", "replace")


def _said_in(record: bytes) -> str | None:
    """The text of a record of Kapa's stream; None where it has none, or is none."""
    try:
        chunk = orjson.loads(record)["chunk"]
        return str(chunk["content"]["text"]) if chunk["type"] == "partial_answer" else None
    except (ValueError, LookupError, TypeError):
        return None


async def play(stage: Stage, tests: PolicyTest, case: Case, calls: Sequence[Call], begun: float) -> list[Told]:
    """Runs the calls of a case, and stops behind none of them. Raises Impossible, and LookupError for a call that the
    policy cannot be asked.
    """
    stage.begin(begun, case.failing)
    return [await _call(stage, tests, call, begun, number) for number, call in enumerate(calls)]


def calls_of(case: Case) -> tuple[Call, ...]:
    """What a case says beside its calls holds for each of them that says nothing else."""
    if not case.calls:
        return (case,)
    shared = {name: getattr(case, name) for name in Call.model_fields if name != "expect"}
    return tuple(Call.model_construct(**{**shared, **_said(call)}) for call in case.calls)


def _said(call: Call) -> dict[str, Any]:
    return {name: getattr(call, name) for name in call.model_fields_set}


async def _call(stage: Stage, tests: PolicyTest, call: Call, begun: float, number: int) -> Told:
    ports = stage.ports
    ports.clock.advance(call.after)
    ports.hops.asked, ports.hops.script = [], call.upstream or tests.upstream or FINE
    body = call.body.encode() if isinstance(call.body, str) else b"" if call.body is None else orjson.dumps(call.body)
    target = target_of(stage, call)
    caller = tests.callers[call.caller] if call.caller is not None else Caller()
    fields = _credential(stage.credentials, call, caller, target, begun, ports.clock.wall(), body, number)
    headers = Headers([*_fields(call, caller, body), *fields])
    series = [parse_series(each) for each in call.expect.metrics] if call.expect is not None else []
    before, told = stage.grown(series), Told(target, Received(), ports.hops.asked, grown=[0.0] * len(series))
    try:
        ex = stage.entry.admit(target.method, target.address.encode(), headers, Posted(body), caller.ip)
    except Problem as cause:
        told.refused = cause
        return told
    await stage.entry.run(ex, told.got)
    told.exchange = ex
    if call.expect is not None and call.expect.audit is not None:
        told.record = next(iter(await ports.records.query(1)), {})
    told.grown = [after - earlier for after, earlier in zip(stage.grown(series), before, strict=True)]
    return told


def _credential(
    made: Credentials, call: Call, caller: Caller, target: Target, begun: float, now: float, body: bytes, number: int
) -> Fields:
    if caller.webhook:
        return made.signed(caller, target.route, call.delivery or f"msg_{number}", now, body)
    return made.fields(caller, target.route, begun)


def _fields(call: Call, caller: Caller, body: bytes) -> Fields:
    said = {**caller.headers, **call.headers}
    fields = [(name.encode(), value.encode()) for name, value in said.items()]
    named = {name.lower() for name in said}
    if "host" not in named:
        fields.append((b"Host", b"kapagate.example"))
    if body and not isinstance(call.body, str) and "content-type" not in named:
        fields.append((b"Content-Type", b"application/json"))
    return [*fields, (b"Content-Length", b"%d" % len(body))] if body else fields


def target_of(stage: Stage, call: Call) -> Target:
    """Raises LookupError for a route that the policy has not, or a parameter of its path that the call has not."""
    query = f"?{urlencode(call.query)}" if call.query else ""
    if call.request is not None:
        method, _, address = call.request.partition(" ")
        matched, _ = stage.generation.match(method, address.partition("?")[0])
        return Target(method, address + query, matched if matched.found else None)
    route = stage.routes.get(call.route or "")
    if route is None:
        raise LookupError(f'no route or operation is called "{call.route}"')
    first = _WITHOUT_BODY if call.body is None else _WITH_BODY
    method = call.method or next(each for each in (*first, *_WITHOUT_BODY, *_WITH_BODY) if each in route.methods)
    return Target(method, _address(route, call.path) + query, route)


def _address(route: Route, values: Mapping[str, str]) -> str:
    """The route's template with its parameters filled in."""
    parts = []
    for part in route.template.split("/"):
        name = part.strip("{}").removesuffix(":*")
        if not part.startswith("{"):
            parts.append(part)
        elif name in values:
            parts.append(quote(values[name], safe="/" if part.endswith(":*}") else ""))
        elif name == "project_id":
            parts.append("default")
        elif part.endswith(":*}"):
            parts.append("")
        else:
            raise LookupError(f'the path of "{route.name}" needs "{name}": path: {{{name}: ...}}')
    return "/".join(parts)
