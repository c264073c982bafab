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
from kapagate.answer.report import Report, StepReport
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


def record_of(
    exchange: Exchange,
    include: Collection[str] = (),
    transcript: Transcript | None = None,
    ended: float = 0.0,
    amends: bool = False,
) -> str:
    """The record as JSON, one object; members that have nothing to say are left out.

    `ended`: when, for one that is sealed before its last bytes leave; `amends`: it replaces one that was.
    What nearly all records have is written here by hand, and what alike ones share is written once: a tenth of the
    time that building and serialising an object takes.
    """
    times, report = exchange.times, exchange.report
    status, sent = exchange.status, exchange.sent_bytes
    if ended:
        status, sent = status or (exchange.response.status if exchange.response else 500), sent + exchange.sealing
    upstream = problem = details = question = answer = ""
    if times.sent and times.answered:
        upstream = f',"upstream_ms":{(times.answered - times.sent) * 1000:.3f}'
    if exchange.refusal is not None or exchange.broken is not None or amends:
        problem = _members({**problem_fields(exchange), **({"amends": True} if amends else {})})
    if DETAILS in exchange.facts:
        details = _members({"details": dict(exchange.facts[DETAILS])})
    if times.sent and "question" in include and (text := question_of(exchange)) is not None:
        question = f',"question":{encoded(text)}'
    if report.delivered:
        answer = _answer(report, transcript, "answer" in include)
    if report.seen:
        answer += _window(exchange)
    return (
        f'{{"decision":"{exchange.decision}","correlation_id":"{exchange.correlation_id}","received_at":"'
        f'{moment(exchange.received_at)}","status":{status},"outcome":"{outcome_of(exchange, status)}","duration_ms":'
        f'{((ended or times.ended) - times.received) * 1000:.3f}{upstream},"bytes":{sent}{problem}{details}'
        f"{question}{answer}{asked(exchange)}{_verdicts(exchange)}}}"
    )


def intent_of(exchange: Exchange) -> str:
    """What is about to be done, as far as it is known before any step of the chain."""
    return (
        f'{{"decision":"{exchange.decision}","correlation_id":"{exchange.correlation_id}"'
        f',"received_at":"{moment(exchange.received_at)}"{asked(exchange)}}}'
    )


def _members(record: dict[str, Any]) -> str:
    return "," + encoded(record)[1:-1] if record else ""


def _verdicts(exchange: Exchange) -> str:
    """The member `verdicts`. Where there is nothing to say of any step it is known already."""
    if uneventful(exchange):
        return _uneventful((*exchange.verdicts,), (*exchange.report.steps,))
    return f',"verdicts":{encoded(verdicts_of(exchange))}'


@lru_cache(maxsize=MOST_KNOWN)
def _uneventful(passed: tuple[str, ...], enforced: tuple[str, ...]) -> str:
    verdicts: dict[str, dict[str, Any]] = {step: {"outcome": "passed"} for step in passed}
    for step in enforced:
        verdicts.setdefault(step, {"outcome": "passed"})["answer"] = "enforced"
    return f',"verdicts":{encoded(verdicts)}'


def asked(exchange: Exchange) -> str:
    """The members that alike exchanges of one caller share."""
    facts, route = exchange.facts, exchange.route
    principal = facts.get(PRINCIPAL, NOBODY)
    return _written(
        facts.get(TENANT, NO_TENANT).name,
        principal.subject,
        principal.roles,
        principal.scheme,
        principal.key,
        exchange.request.client,
        exchange.request.method,
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
    key: str,
    client: str,
    method: str,
    endpoint: str,
    route: str,
    operation: str,
    policy: str,
) -> str:
    members = {
        "tenant": tenant,
        "subject": subject[:LONGEST_NAME],
        "roles": [role[:LONGEST_NAME] for role in roles[:MOST_ROLES]],
        "scheme": scheme,
        **({"key": key[:LONGEST_NAME]} if key else {}),
        "client": client,
        "method": method[:LONGEST_METHOD],
        "endpoint": endpoint,
        "route": route,
        "operation": operation,
        "policy": policy,
    }
    return _members(members)


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
        for place in exchange.route.texts_of(document)
        if place.kind == "question" and isinstance(text := value_at(document, place.path), str)
    ]
    return "\n".join(texts)[:LONGEST_TEXT]


def _answer(report: Report, transcript: Transcript | None, included: bool) -> str:
    """How much running text was delivered, its SHA-256, and the text itself where it is asked for."""
    cut = f',"cut":{encoded(report.cut)}' if report.cut else ""
    if report.withheld:
        cut += f',"withheld":{encoded(report.withheld)}'
    if transcript is None:
        return f',"answer":{{"characters":{report.delivered}{cut}}}'
    text = f',"text":{encoded(transcript.text())}' if included else ""
    return f',"answer":{{"characters":{report.delivered}{cut},"sha256":"{transcript.digest()}"{text}}}'


def _window(exchange: Exchange) -> str:
    """How many characters of running text came, how many waited at once at most, and how many each guard has checked;
    where nothing happened they are the same for all. And how many candidates reached their bound, where some did.
    """
    report = exchange.report
    checked = ""
    if not uneventful(exchange):
        each = {step: share.checked for step, share in report.steps.items() if share.checked is not None}
        checked = f',"checked":{encoded(each)}' if each else ""
        bounded = {step: sum(share.at_bound.values()) for step, share in report.steps.items() if share.at_bound}
        checked += f',"at_bound":{encoded(bounded)}' if bounded else ""
    return f',"window":{{"seen":{report.seen},"held_back":{report.held_back}{checked}}}'


def gap(reason: str, at: float, **members: Any) -> str:
    """The record that stands for records that are not there; `at` is wall time."""
    return encoded(
        {"outcome": "gap", "received_at": moment(at), "tenant": "none", "decision": "", "reason": reason, **members}
    )


def encoded(value: Any) -> str:
    """A value as JSON. What JSON cannot say is replaced, so that no record is lost for what is in it."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return orjson.dumps(_sayable(value)).decode()


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
    if share.score is not None:
        told["score"] = share.score
    for name, counts in (
        ("edits", share.edits),
        ("would_edit", share.would_edit),
        ("would_refuse", share.would_refuse),
        ("at_bound", share.at_bound),
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
