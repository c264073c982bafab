"""The record of an exchange: who asked for what, what each step decided, how it ended. Identifiers, never names.

Texts are in it only where the policy asks for them (`include`), and only as they were after the guards: the question
as it went upstream, the answer as it was delivered.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from kapagate.answer.document import value_at
from kapagate.answer.report import StepReport
from kapagate.chain.details import DETAILS
from kapagate.chain.edit import UNREAD
from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import NO_TENANT, NOBODY, PRINCIPAL, TENANT
from kapagate.chain.verdict import Verdict
from kapagate.ledger.outcome import outcome_of, problem_of, uneventful
from kapagate.ledger.transcript import LONGEST_TEXT, Transcript

LONGEST_NAME = 256
LONGEST_METHOD = 32
MOST_ROLES = 32
MOST_KNOWN = 1024


def record_of(exchange: Exchange, include: Collection[str] = (), transcript: Transcript | None = None) -> bytes:
    """The record as JSON, one object; members that have nothing to say are left out."""
    times, facts = exchange.times, exchange.facts
    record: dict[str, Any] = {
        "decision": exchange.decision,
        "correlation_id": exchange.correlation_id,
        "received_at": moment(exchange.received_at),
        "status": exchange.status,
        "outcome": outcome_of(exchange),
        "duration_ms": milliseconds(times.received, times.ended),
        "upstream_ms": milliseconds(times.sent, times.answered),
        "bytes": exchange.sent_bytes,
    }
    if exchange.refusal is not None or exchange.broken is not None:
        record |= problem_fields(exchange)
    if details := facts.get(DETAILS):
        record["details"] = dict(details)
    if "question" in include and times.sent:
        record["question"] = question_of(exchange)
    if exchange.report.delivered:
        record["answer"] = answer_of(exchange, transcript, "answer" in include)
    return b"".join((encoded(record)[:-1], _asked(exchange), _verdicts(exchange), b"}"))


def _verdicts(exchange: Exchange) -> bytes:
    """The member `verdicts`. Where there is nothing to say of any step it is known already."""
    if uneventful(exchange):
        return _uneventful((*exchange.verdicts,), (*exchange.report.steps,))
    return b',"verdicts":' + encoded(verdicts_of(exchange))


@lru_cache(maxsize=MOST_KNOWN)
def _uneventful(passed: tuple[str, ...], enforced: tuple[str, ...]) -> bytes:
    verdicts: dict[str, dict[str, Any]] = {step: {"outcome": "passed"} for step in passed}
    for step in enforced:
        verdicts.setdefault(step, {"outcome": "passed"})["answer"] = "enforced"
    return b',"verdicts":' + encoded(verdicts)


def _asked(exchange: Exchange) -> bytes:
    """The members that alike exchanges of one caller share."""
    principal, route = exchange.facts.get(PRINCIPAL, NOBODY), exchange.route
    return _written(
        exchange.facts.get(TENANT, NO_TENANT).name,
        principal.subject[:LONGEST_NAME],
        principal.roles,
        principal.scheme,
        exchange.request.client,
        exchange.request.method[:LONGEST_METHOD],
        route.template,
        route.name,
        exchange.operation or route.operation,
        exchange.generation.policy,
    )


@lru_cache(maxsize=MOST_KNOWN)
def _written(
    tenant: str,
    subject: str,
    roles: tuple[str, ...],
    scheme: str,
    client: str,
    method: str,
    endpoint: str,
    route: str,
    operation: str,
    policy: str,
) -> bytes:
    members = {
        "tenant": tenant,
        "subject": subject,
        "roles": [role[:LONGEST_NAME] for role in roles[:MOST_ROLES]],
        "scheme": scheme,
        "client": client,
        "method": method,
        "endpoint": endpoint,
        "route": route,
        "operation": operation,
        "policy": policy,
    }
    return b"," + encoded(members)[1:-1]


def problem_fields(exchange: Exchange) -> dict[str, str]:
    """Which problem ended the exchange and the step that raised it; empty when none did."""
    problem = problem_of(exchange)
    return {"problem": problem.kind.name, "step": problem.step} if problem is not None else {}


def verdicts_of(exchange: Exchange) -> dict[str, dict[str, Any]]:
    """What each step decided on the request, and what became of its rules on the answer."""
    verdicts = {step: _verdict(verdict) for step, verdict in exchange.verdicts.items()}
    for step, share in exchange.report.steps.items():
        if share.checked is not None or share.edits or share.would_edit or share.would_refuse or share.skipped:
            told = verdicts.setdefault(step, {"outcome": "passed"})
            told.update(_share(share, exchange.report.enforced(step)))
    return verdicts


def question_of(exchange: Exchange) -> str | None:
    """The texts of the question with the changes of all steps, one a line; None when nobody read the body."""
    document = exchange.edit.document
    if document is UNREAD:
        return None
    texts = [
        text
        for place in exchange.route.texts
        if place.kind == "question" and isinstance(text := value_at(document, place.path), str)
    ]
    return "\n".join(texts)[:LONGEST_TEXT]


def answer_of(exchange: Exchange, transcript: Transcript | None, included: bool) -> dict[str, Any]:
    """How much running text was delivered, its SHA-256, and the text itself where it is asked for."""
    answer: dict[str, Any] = {"characters": exchange.report.delivered}
    if exchange.report.cut:
        answer["cut"] = exchange.report.cut
    if transcript is not None:
        answer["sha256"] = transcript.digest()
        if included:
            answer["text"] = transcript.text()
    return answer


def gap(missed: int, at: float) -> dict[str, Any]:
    """The record that stands for records that found no place; `at` is wall time."""
    return {"outcome": "gap", "received_at": moment(at), "tenant": "none", "decision": "", "missed": missed}


def encoded(record: Any) -> bytes:
    """The record as JSON. What JSON cannot say is replaced, so that no record is lost for what is in it."""
    try:
        return orjson.dumps(record)
    except TypeError:
        return orjson.dumps(_sayable(record))


def moment(wall: float) -> str:
    """Unix seconds as `2026-01-31T09:30:00.125Z`."""
    return _thousandth(int(wall * 1000))


@lru_cache(maxsize=64)
def _thousandth(thousandths: int) -> str:
    """All moments of one are one text: under load there are several to each, in records and log lines."""
    return f"{_second(thousandths // 1000)}.{thousandths % 1000:03d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """The part that all moments of one second share."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]


def milliseconds(start: float, end: float) -> float | None:
    """Between two moments, to the microsecond; None where it never came to one of them."""
    return int((end - start) * 1_000_000 + 0.5) / 1000 if start and end else None


def _verdict(verdict: Verdict) -> dict[str, Any]:
    told: dict[str, Any] = {"outcome": verdict.outcome}
    if verdict.mode == "shadow":
        told["mode"] = "shadow"
    if verdict.reason:
        told["reason"] = verdict.reason
    if verdict.counts:
        told["counts"] = verdict.counts
    return told


def _share(share: StepReport, enforced: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"answer": _standing(share, enforced)}
    for name, counts in (
        ("edits", share.edits),
        ("would_edit", share.would_edit),
        ("would_refuse", share.would_refuse),
    ):
        if counts:
            told[name] = dict(counts)
    return told


def _standing(share: StepReport, enforced: bool) -> str:
    if share.skipped is not None:
        return f"skipped({share.skipped})"
    if not share.binding:
        return "shadow"
    return "enforced" if enforced else "incomplete"


def _sayable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_sayable(str(key)): _sayable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sayable(each) for each in value]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and value.bit_length() < 64:
        return value
    return str(value).encode("utf-8", "replace").decode()
