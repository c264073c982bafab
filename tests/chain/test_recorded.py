"""Audit and metrics in a composed chain: whatever becomes of an exchange, it is recorded and counted, once."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from kapagate.answer.events import Place
from kapagate.answer.rules import AnswerRules
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.meter import Meter
from kapagate.chain.problem import BackendFailed, Gone, Problem
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.filters.audit import Audit
from kapagate.filters.metrics import Metrics
from kapagate.ledger.ledger import Ledger
from kapagate.stores.ring import MemoryLedger
from kapagate.telemetry.prometheus import PrometheusMeter


class Recorded:
    """A laboratory with audit and metrics first in its chain; metrics count everything as chat."""

    def __init__(self, lab: Any, ledger: MemoryLedger | None = None, **options: Any) -> None:
        self.lab = lab
        self.ledger = ledger or MemoryLedger()
        self.meter = PrometheusMeter()
        services = Services({Ledger: self.ledger, Meter: self.meter})
        self.audit = lab.placed("audit", step=Audit(**options).compile(services))
        self.metrics = lab.placed("metrics", step=Metrics().compile(services))

    async def run(self, *chain: Any, gate: Any = None, **request: Any) -> dict[str, Any]:
        """The one record of an exchange."""
        request.setdefault("route", self.lab.route(permission="kapa.chat"))
        gate = [self.lab.identify("viewer")] if gate is None else gate
        await self.lab.run(gate, [self.audit, self.metrics, *chain], **request)
        (record,) = await self.ledger.query(10)
        return record

    def queries(self) -> str:
        (line,) = [line for line in self.meter.render().decode().splitlines() if line.startswith("kapa_queries_total")]
        return line


async def test_an_answer_is_recorded_as_it_was_delivered(lab: Any) -> None:
    recorded = Recorded(lab, include=["answer"])
    rules = AnswerRules(texts=(lab.Replace("fine"),))
    record = await recorded.run(lab.placed("guard", only=["answer"], answer=rules))
    assert lab.sink.body == b"***"
    assert (record["outcome"], record["status"], record["tenant"]) == ("answered", 200, "acme")
    assert record["answer"] == {"characters": 3, "sha256": hashlib.sha256(b"***").hexdigest(), "text": "***"}
    assert record["verdicts"]["guard"] == {"outcome": "passed", "answer": "enforced", "edits": {"word": 1}}
    assert recorded.queries() == 'kapa_queries_total{status="answered",tenant_id="acme"} 1.0'


async def test_the_question_is_recorded_as_it_went_upstream(lab: Any) -> None:
    async def redact(ex: Exchange) -> None:
        ex.edit = ex.edit.with_document({**await ex.document(), "query": "[name]?"})
        ex.times.sent = 1.0

    route = lab.route(permission="kapa.chat", texts=(Place(("query",), "question"),))
    record = await Recorded(lab, include=["question"]).run(lab.placed("ask", step=Step(on_request=redact)), route=route)
    assert record["question"] == "[name]?"
    assert b"[name]?" in lab.hop.sent[0].body


async def test_a_refusal_of_the_gate_is_recorded_without_a_place(lab: Any) -> None:
    refusal = Problem(problems.CREDENTIALS_REQUIRED, "who are you?")
    recorded = Recorded(lab)
    record = await recorded.run(gate=[lab.placed("identify", only=["request"], request=refusal)])
    assert (record["outcome"], record["tenant"], record["subject"]) == ("refused", "none", "")
    assert (record["problem"], record["step"]) == ("credentials-required", "identify")
    assert recorded.queries() == 'kapa_queries_total{status="refused",tenant_id="none"} 1.0'
    assert recorded.ledger.held == 0


async def test_a_refusal_of_the_chain_names_its_step(lab: Any) -> None:
    refusal = Problem(problems.FORBIDDEN, "no")
    record = await Recorded(lab).run(lab.placed("rbac", only=["request"], request=refusal))
    assert (record["outcome"], record["status"], record["step"]) == ("refused", 403, "rbac")
    assert "answer" not in record


async def test_an_answer_refused_on_its_way_is_a_refusal(lab: Any) -> None:
    rules = AnswerRules(texts=(lab.Replace("fine", refuse=True),))
    recorded = Recorded(lab)
    record = await recorded.run(lab.placed("guard", only=["answer"], answer=rules))
    assert (record["outcome"], record["problem"], record["step"]) == ("refused", "answer-refused", "guard")
    assert recorded.queries() == 'kapa_queries_total{status="refused",tenant_id="acme"} 1.0'


async def test_an_upstream_that_fails_is_a_failure(lab: Any) -> None:
    lab.hop.answer = Problem(problems.UPSTREAM_UNREACHABLE, "not there")
    record = await Recorded(lab).run()
    assert (record["outcome"], record["problem"], record["status"]) == ("failed", "upstream-unreachable", 502)


async def test_a_client_that_leaves_is_recorded_as_gone(lab: Any) -> None:
    lab.hop.answer = Gone()
    recorded = Recorded(lab)
    record = await recorded.run()
    assert (record["outcome"], record["status"]) == ("gone", 0)
    assert recorded.queries() == 'kapa_queries_total{status="gone",tenant_id="acme"} 1.0'


async def test_without_a_place_nothing_reaches_the_upstream(lab: Any) -> None:
    class Broken(MemoryLedger):
        def take(self) -> bool:
            return False

        async def reserve(self) -> None:
            raise BackendFailed("disk full")

    record = await Recorded(lab, Broken()).run()
    assert lab.hop.sent == []
    assert (lab.sink.head.status, lab.sink.header(b"retry-after")) == (503, b"1")
    assert (record["problem"], record["step"]) == ("unavailable", "audit")


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
async def test_what_a_shadow_would_have_done_is_told_apart(lab: Any, mode: str) -> None:
    refusal = Problem(problems.FORBIDDEN, "no")
    limited = lab.placed("limit", options={"mode": mode}, only=["request"], request=refusal)
    record = await Recorded(lab).run(limited)
    assert record["outcome"] == ("refused" if mode == "enforce" else "answered")
    assert record["verdicts"].get("limit", {}).get("mode") == ("shadow" if mode == "shadow" else None)
