"""Every filter in a composed chain, under the common options, with the real adapter, engine, records and metrics."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kapagate.answer.rules import Edit
from kapagate.chain.response import Truncated
from kapagate.guards.personal import PersonalData
from kapagate.standin.specimens import SPECIMENS
from tests.chain.conftest import Pieces
from tests.filters.gateway import (
    CARD,
    EMAIL,
    PHONE,
    SHIPPED,
    UUID,
    Gateway,
    Told,
    chat,
    inbound,
    load,
    records,
    streamed,
)

FORMS = ("json", "window", "buffer")
QUESTION = {"query": "Whom do I ask?"}
SHADOWED = "  - guard_answer: {pii: PII, max_response_length: 20, confidence: {uncertain: disclaim}}\n    id: watch\n"


async def answered(gateway: Gateway, form: str, *texts: str, who: str = "ann", **more: Any) -> Told:
    if form == "json":
        return await gateway.ask("chat", QUESTION, chat("".join(texts), **more), who=who)
    return await gateway.ask("chat_stream", QUESTION, streamed(*cut(records(*texts, **more))), who=who)


def cut(stream: bytes, size: int = 7) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def gateway_of(chain: str, form: str = "window") -> Gateway:
    return Gateway(chain, "buffer" if form == "buffer" else "window")


# --- the shipped chain


@pytest.mark.parametrize("form", FORMS)
async def test_the_shipped_chain_guards_question_and_answer(form: str) -> None:
    gateway = gateway_of(SHIPPED, form)
    document = {"query": f"I am {EMAIL}", "user": {"email": EMAIL}, "user_identifier": EMAIL}
    answer = inbound(chat(PHONE)) if form == "json" else streamed(records(PHONE))
    told = await gateway.ask("chat" if form == "json" else "chat_stream", document, answer)
    assert (told.status, told.text) == (200, "<phone>")
    assert EMAIL.encode() not in gateway.kapa.sent[0]
    verdicts = told.record["verdicts"]
    assert verdicts["ask"] == {"outcome": "changed", "counts": {"email": 1}}
    assert verdicts["answer"] == {"outcome": "passed", "answer": "enforced", "edits": {"phone": 1}}
    shadow = {"outcome": "passed", "mode": "shadow", "answer": "shadow", "would_refuse": {"phone": 1}}
    assert verdicts["strict-answer"] == shadow
    assert told.record["answer"]["text"] == "<phone>"


async def test_the_record_of_an_answer_holds_nothing_that_was_redacted() -> None:
    told = await answered(Gateway(), "window", "; ".join(SPECIMENS.values()), sources=[EMAIL])
    assert not any(value in orjson.dumps(told.record).decode() for value in SPECIMENS.values())


async def test_figures_of_guards_are_counted_by_step() -> None:
    gateway = Gateway()
    await gateway.ask(document={"query": f"I am {EMAIL}"}, answer=chat(f"{PHONE}, {CARD}", uncertain=True))
    await gateway.ask(document={"query": "x" * 4001})
    assert gateway.series("kapagate_guard_edits_total") == {
        '{kind="email",step="ask"}': 1.0,
        '{kind="phone",step="answer"}': 1.0,
        '{kind="card",step="answer"}': 1.0,
        '{kind="end",step="answer"}': 1.0,
    }
    assert gateway.series("kapagate_shadow_total") == {'{outcome="would_refuse",step="strict-answer"}': 2.0}
    assert gateway.series("kapagate_refusals_total") == {'{problem="question-refused",step="ask"}': 1.0}
    assert gateway.series("kapa_queries_total") == {
        '{status="uncertain",tenant_id="default"}': 1.0,
        '{status="refused",tenant_id="default"}': 1.0,
    }


@pytest.mark.parametrize("form", FORMS)
async def test_a_refused_answer_is_counted_once(form: str) -> None:
    gateway = gateway_of("  - guard_answer: {pii: refuse}\n", form)
    told = await answered(gateway, form, "Long before. " * 40, EMAIL)
    assert told.record["outcome"] == "refused"
    assert gateway.series("kapagate_refusals_total") == {'{problem="answer-refused",step="guard_answer"}': 1.0}
    assert gateway.series("kapa_queries_total") == {'{status="refused",tenant_id="default"}': 1.0}


async def test_two_guards_of_answers_the_severer_has_its_say() -> None:
    chain = "  - guard_answer: {pii: redact}\n    id: mild\n  - guard_answer: {pii: refuse}\n    id: strict\n"
    told = await answered(Gateway(chain), "json", f"Ask {EMAIL}.")
    assert told.problem == (422, "answer-refused", "strict", "email")
    assert (await answered(Gateway(chain), "json", "Ask.")).record["verdicts"]["mild"]["answer"] == "enforced"


@pytest.mark.parametrize("form", FORMS)
async def test_of_two_limits_the_tighter_cuts(form: str) -> None:
    chain = "  - guard_answer: {max_response_length: LONG}\n    id: one\n  - guard_answer: {max_response_length: 20}\n"
    told = await answered(gateway_of(chain.replace("LONG", "300"), form), form, "word " * 90)
    assert told.text == "word word word word […] (shortened)"
    assert told.record["answer"]["cut"] == "guard_answer"


# --- who asks, how often, and what is added


async def test_a_stranger_is_refused_and_recorded() -> None:
    gateway = Gateway()
    told = await gateway.ask(document={"query": EMAIL}, who=None)
    assert told.problem == (401, "credentials-required", "identify", None)
    assert (told.record["tenant"], told.record["outcome"], gateway.kapa.sent) == ("none", "refused", [])


async def test_a_role_that_does_not_allow_it_is_refused_before_any_guard() -> None:
    gateway = Gateway()
    document = {"question_answer": UUID, "reaction": "upvote", "comment": EMAIL}
    told = await gateway.ask("feedback", document, who="bob")
    assert told.problem == (403, "forbidden", "rbac", None)
    assert ("ask" in told.record["verdicts"], gateway.kapa.sent) == (False, [])
    assert (await gateway.ask("feedback", document, who="ann")).status == 200


async def test_a_caller_above_the_limit_is_refused_until_time_has_passed() -> None:
    limit = '  - rate_limit: {per: [tenant, subject], limit: "60/min", burst: 1}\n'
    gateway = Gateway(limit + SHIPPED)
    assert (await gateway.ask()).sink.header(b"ratelimit") is not None
    told = await gateway.ask()
    assert told.problem == (429, "rate-limited", "rate_limit", None)
    assert told.sink.header(b"retry-after") == b"1"
    assert (await gateway.ask(who="bob")).status == 200
    gateway.clock.advance(1.0)
    assert (await gateway.ask()).status == 200


async def test_kapa_is_told_what_enrich_adds_and_nothing_that_clients_say_of_persons() -> None:
    gateway = Gateway("  - enrich: {add: {tenant_id: tenant, user_role: role}}\n" + SHIPPED)
    await gateway.ask(document={**QUESTION, "user": {"email": EMAIL, "metadata": {"name": EMAIL}}})
    user = gateway.kapa.asked["user"]
    assert user["metadata"] == {"tenant_id": "default", "user_role": "viewer"}
    assert EMAIL not in str(gateway.kapa.asked)
    await gateway.ask(who="bob")
    assert gateway.kapa.asked["user"]["unique_client_id"] != user["unique_client_id"]


async def test_a_shadowed_enrich_adds_nothing() -> None:
    gateway = Gateway("  - enrich: {add: {tenant_id: tenant}}\n    mode: shadow\n")
    told = await gateway.ask()
    assert "user" not in gateway.kapa.asked
    assert told.verdict("enrich") == {"outcome": "changed", "mode": "shadow"}


@pytest.mark.parametrize("chain", ["", SHIPPED, "  - guard_answer: {}\n    mode: shadow\n"])
@pytest.mark.parametrize("form", FORMS)
async def test_uncertain_answers_are_counted_whoever_guards(chain: str, form: str) -> None:
    gateway = gateway_of(chain, form)
    await answered(gateway, form, "Perhaps.", uncertain=True)
    assert gateway.series("kapa_queries_total") == {'{status="uncertain",tenant_id="default"}': 1.0}


async def test_every_exchange_has_one_record_and_one_count() -> None:
    gateway = Gateway()
    asked = [("chat", "ann"), ("feedback", "bob"), ("chat", None), ("crm", "ann")]
    told = [await gateway.ask(operation, who=who) for operation, who in asked]
    assert [each.record["status"] for each in told] == [200, 403, 401, 200]
    assert len(await gateway.ledger.query(100)) == len(asked)
    assert sum(gateway.series("http_requests_total").values()) == len(asked)
    assert gateway.ledger.held == 0


def test_the_guards_of_these_tests_are_those_of_the_example_policy() -> None:
    policies = Path(__file__).parents[2] / "policies"
    example = yaml.safe_load((policies / "gateway.yaml").read_text(encoding="utf-8"))
    guards = [step for step in example["chain"] if not {"guard_question", "guard_answer"}.isdisjoint(step)]
    tenant = yaml.safe_load((policies / "tenants" / "globex.yaml").read_text(encoding="utf-8"))
    added = [change["add"] for change in tenant["chain"] if "add" in change]
    assert yaml.safe_load(SHIPPED) == [*guards, *added]


# --- shadow


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pii", ["redact", "refuse"])
async def test_a_shadow_leaves_the_answer_as_it_is_without_it(form: str, pii: str) -> None:
    texts = [f"word {number} " for number in range(30)] + [f"and {EMAIL}", f" or {PHONE}."]
    plain = await answered(gateway_of("", form), form, *texts, uncertain=True)
    gateway = gateway_of(SHADOWED.replace("PII", pii) + "    mode: shadow\n", form)
    told = await answered(gateway, form, *texts, uncertain=True)
    assert told.sink.pieces == plain.sink.pieces
    its_own = (b"X-Correlation-ID", b"Kapagate-Policy")
    assert [header for header in told.sink.head.headers if header[0] not in its_own] == [
        header for header in plain.sink.head.headers if header[0] not in its_own
    ]
    found = {"email": 1, "phone": 1}
    counted = {"would_refuse": found} if pii == "refuse" else {}
    edits = {"limit": 1, "end": 1} | (found if pii == "redact" else {})
    shadow = {"outcome": "passed", "mode": "shadow", "answer": "shadow", "would_edit": edits, **counted}
    assert told.verdict("watch") == shadow


async def test_a_shadow_holds_nothing_back() -> None:
    gateway = Gateway(SHADOWED.replace("PII", "redact") + "    mode: shadow\n")
    pieces = [records(f"{EMAIL[:8]}")[: -len(records())], records(EMAIL[8:])]
    told = await gateway.ask("chat_stream", QUESTION, streamed(*pieces))
    assert EMAIL[:8].encode() in told.sink.pieces[0]
    assert told.ex.report.held_back == 0
    assert told.verdict("watch")["would_edit"] == {"email": 1, "limit": 1}


@pytest.mark.parametrize("operation", ["retrieval", "documents"])
async def test_a_shadow_counts_in_passages_and_changes_none(operation: str) -> None:
    passages = orjson.dumps([{"source_url": "https://d.example/a", "content": f"by {EMAIL}"}])
    asked = QUESTION if operation == "retrieval" else {"document_ids": [UUID]}
    gateway = Gateway("  - guard_answer: {}\n    mode: shadow\n")
    told = await gateway.ask(operation, asked, passages)
    assert told.body == passages
    assert told.verdict("guard_answer")["would_edit"] == {"email": 1}


async def test_a_shadow_for_a_role_counts_for_that_role_alone() -> None:
    gateway = Gateway()
    told = await answered(gateway, "json", EMAIL, who="bob")
    assert told.verdict("strict-answer") == {"outcome": "skipped", "mode": "shadow", "reason": "when"}
    assert gateway.series("kapagate_shadow_total") == {}


async def test_a_shadow_is_never_said_to_be_enforced() -> None:
    told = await answered(Gateway("  - guard_answer: {}\n    mode: shadow\n"), "window", "Fine.")
    assert told.verdict("guard_answer") == {"outcome": "passed", "mode": "shadow", "answer": "shadow"}


async def test_a_shadow_lets_answers_pass_that_it_cannot_read() -> None:
    gateway = Gateway("  - guard_answer: {}\n    mode: shadow\n")
    page = inbound(b"<p>", content_type="text/html", etag='"1"')
    told = await gateway.ask("declared", b"", page, method="GET")
    assert (told.status, told.body, told.sink.header(b"etag")) == (200, b"<p>", b'"1"')
    assert told.verdict("guard_answer") == {"outcome": "skipped", "mode": "shadow", "reason": "uninspectable"}


# --- when and off


async def test_when_names_the_routes_whose_answers_are_guarded() -> None:
    gateway = Gateway("  - guard_answer: {}\n    when: {route: [kapa.chat_stream, kapa.retrieval]}\n")
    assert (await answered(gateway, "json", EMAIL)).text == EMAIL
    assert (await answered(gateway, "window", EMAIL)).text == "<email>"


async def test_when_names_the_roles_whose_answers_are_guarded() -> None:
    gateway = Gateway("  - guard_answer: {}\n    when: {role: [operator]}\n")
    told = await answered(gateway, "json", EMAIL, who="ann")
    assert (told.text, told.verdict("guard_answer")) == (EMAIL, {"outcome": "skipped", "reason": "when"})
    assert (await answered(gateway, "json", EMAIL, who="bob")).text == "<email>"


async def test_off_looks_at_no_answer() -> None:
    told = await answered(Gateway("  - guard_answer: {}\n    mode: off\n"), "json", EMAIL)
    assert (told.text, "guard_answer" in told.record["verdicts"]) == (EMAIL, False)


# --- failures


class Broken(PersonalData):
    """Fails as soon as it reads an exclamation mark."""

    def scan(self, text: str, start: int, final: bool) -> tuple[Any, int]:
        if "!" in text:
            raise ZeroDivisionError("a bug")
        return super().scan(text, start, final)


class Dishonest(PersonalData):
    """Breaks the contract of text rules."""

    def scan(self, text: str, start: int, final: bool) -> tuple[Any, int]:
        return [Edit(start, start, "", "nothing")], len(text)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.guards.custom.PersonalData", Broken)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("form", ["json", "buffer"])
async def test_a_failing_rule_ends_a_held_answer_with_a_problem(form: str) -> None:
    told = await answered(gateway_of("  - guard_answer: {}\n", form), form, f"Ask {EMAIL}", "!")
    assert told.problem[:3] == (500, "internal", "guard_answer")
    assert EMAIL.encode() not in told.body
    assert told.verdict("guard_answer")["outcome"] == "failed"
    assert told.record["outcome"] == "failed"


@pytest.mark.usefixtures("broken")
async def test_a_failing_rule_ends_a_stream_with_an_error_record() -> None:
    told = await answered(Gateway("  - guard_answer: {}\n"), "window", "Before. " * 60, f"{EMAIL} ", "Oh!", " After.")
    assert told.kinds == ["partial_answer", "error"]
    assert "After" not in told.text
    assert EMAIL not in told.text
    assert "bug" not in told.body.decode()
    assert told.verdict("guard_answer")["outcome"] == "failed"


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("form", FORMS)
async def test_a_failing_rule_that_may_fail_leaves_and_the_record_says_so(form: str) -> None:
    chain = "  - guard_answer: {confidence: {uncertain: disclaim}, disclaimer: Maybe.}\n    on_error: allow\n"
    gateway = gateway_of(chain, form)
    told = await answered(gateway, form, "Before. ", "Oh!", f" Ask {EMAIL}.", uncertain=True)
    assert told.text == f"Before. Oh! Ask {EMAIL}.\n\nMaybe."
    assert told.verdict("guard_answer")["answer"] == "skipped(text rule failed: ZeroDivisionError)"
    assert gateway.series("kapagate_guard_skipped_total") == {'{reason="failed",step="guard_answer"}': 1.0}


@pytest.mark.usefixtures("broken")
async def test_a_failing_rule_that_leaves_does_not_take_its_guards_limit_along() -> None:
    chain = "  - guard_answer: {max_response_length: 30}\n    on_error: allow\n    id: one\n"
    told = await answered(Gateway(chain), "window", "word! " * 90)
    assert told.text == "word! word! word! word! word! […] (shortened)"


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("form", FORMS)
async def test_a_failing_rule_in_shadow_hurts_nobody(form: str) -> None:
    told = await answered(gateway_of("  - guard_answer: {}\n    mode: shadow\n", form), form, "Oh!", EMAIL)
    assert told.text == f"Oh!{EMAIL}"
    assert told.verdict("guard_answer")["answer"].startswith("skipped(")


async def test_a_rule_that_breaks_its_contract_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.guards.custom.PersonalData", Dishonest)
    told = await answered(Gateway("  - guard_answer: {}\n"), "window", EMAIL)
    assert told.problem[:3] == (500, "internal", "guard_answer")


# --- what may be called enforced


async def test_a_stream_that_broke_off_is_not_said_to_be_enforced() -> None:
    broken_off = streamed()
    broken_off.body = Pieces(*cut(records(*["Before. "] * 60)[:-200]), Truncated("it broke off"))
    gateway = Gateway("  - guard_answer: {confidence: {uncertain: disclaim}}\n")
    told = await gateway.ask("chat_stream", QUESTION, broken_off)
    assert told.sink.was_cut
    assert told.verdict("guard_answer")["answer"] == "incomplete"


async def test_a_client_that_left_before_the_end_got_no_disclaimer_and_the_record_does_not_claim_one() -> None:
    gateway = Gateway("  - guard_answer: {confidence: {uncertain: disclaim}}\n")
    gateway.patience = 2
    told = await answered(gateway, "window", *["word "] * 60, uncertain=True)
    assert told.record["outcome"] == "gone"
    assert told.verdict("guard_answer")["answer"] == "incomplete"


# --- load


@pytest.mark.parametrize("guard", ["guard_question", "guard_answer"])
def test_a_guard_can_be_locked_and_loads_with_every_common_option(guard: str) -> None:
    options = "    id: mine\n    locked: true\n    on_error: allow\n    when: {route: [kapa.chat], role: [viewer]}\n"
    assert load(f"  - {guard}: {{}}\n{options}", 'window, agent_session: "off"').report() == ""


def test_the_shipped_chain_has_no_findings() -> None:
    assert load(SHIPPED).report() == ""
    assert load(SHIPPED, "buffer").report() == ""


@pytest.mark.parametrize(("choice", "fits"), [("error", False), ("pass", True), ("refuse", True)])
def test_a_route_that_hides_its_bodies_says_what_then(choice: str, fits: bool) -> None:
    assert load(SHIPPED, opaque=choice).ok is fits


async def test_a_route_that_refuses_what_cannot_be_inspected_asks_nobody() -> None:
    gateway = Gateway(opaque="refuse")
    assert (await gateway.ask("crm", b"opaque")).problem == (415, "unsupported-media", "ask", None)
    assert (await gateway.ask("crm", b"", method="GET")).problem == (502, "upstream-uninspectable", "answer", None)
    assert gateway.kapa.sent == []


# --- every form says the same


@lru_cache
def shipped(form: str) -> Gateway:
    return gateway_of(SHIPPED.replace("8000", "150"), form)


PLAIN = ["word", "Grüße", "語言", "😀"]
WORDS = [*SPECIMENS.values(), *PLAIN, *'␞"\\@+.,(', "\n", "a" * 40, "7" * 9, "nimbus.example"]
ANSWERS = st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=30).flatmap(
    lambda words: st.sampled_from([" ".join(words), "".join(words)])
)
CUTS = st.lists(st.integers(0, 5000), max_size=10)


@settings(max_examples=150)
@given(answer=ANSWERS, cuts=CUTS, uncertain=st.booleans(), early=st.booleans())
def test_every_form_delivers_the_same_text(answer: str, cuts: list[int], uncertain: bool, early: bool) -> None:
    whole = asyncio.run(answered(shipped("json"), "json", answer, uncertain=uncertain))
    for form in ("window", "buffer"):
        told = asyncio.run(answered_in_pieces(form, answer, cuts, uncertain=uncertain, early=early))
        assert told.text == whole.text
        assert told.record.get("answer") == whole.record.get("answer")
        assert told.verdict("answer") == whole.verdict("answer")


@settings(max_examples=50)
@given(words=st.lists(st.sampled_from([*SPECIMENS.values(), *PLAIN]), max_size=20), cuts=CUTS)
def test_no_form_delivers_a_specimen(words: list[str], cuts: list[int]) -> None:
    answer = "; ".join(words)
    told = [asyncio.run(answered_in_pieces(form, answer, cuts)) for form in ("window", "buffer")]
    told.append(asyncio.run(answered(shipped("json"), "json", answer)))
    assert not [
        value for value in SPECIMENS.values() for each in told if value in each.text or value.encode() in each.body
    ]


@settings(max_examples=100)
@given(answer=ANSWERS, cuts=CUTS)
def test_every_form_refuses_the_same_answers_and_says_nothing_forbidden_before(answer: str, cuts: list[int]) -> None:
    whole = asyncio.run(answered(refusing("json"), "json", answer))
    held = asyncio.run(answered_in_pieces("buffer", answer, cuts, gateway=refusing("buffer")))
    streamed = asyncio.run(answered_in_pieces("window", answer, cuts, gateway=refusing("window")))
    assert held.status == whole.status
    assert streamed.record["outcome"] == held.record["outcome"] == whole.record["outcome"]
    if whole.status == 200:
        assert streamed.text == held.text == whole.text == answer
    elif streamed.status == 200:
        assert streamed.kinds[-1] == "error"
        assert answer.startswith(streamed.text)
        assert not PersonalData().scan(streamed.text, 0, False)[0]


@lru_cache
def refusing(form: str) -> Gateway:
    return gateway_of("  - guard_answer: {pii: refuse}\n", form)


async def answered_in_pieces(
    form: str, answer: str, cuts: list[int], *, gateway: Gateway | None = None, **more: Any
) -> Told:
    """Texts and bytes are cut in different places."""
    stream = records(*split(answer, cuts), **more)
    return await (gateway or shipped(form)).ask(
        "chat_stream", QUESTION, streamed(*split(stream, [each * 7 for each in cuts]))
    )


def split(whole: Any, cuts: Iterable[int]) -> list[Any]:
    at = sorted({0, len(whole), *(each % (len(whole) + 1) for each in cuts)})
    return [whole[first:last] for first, last in itertools.pairwise(at)]
