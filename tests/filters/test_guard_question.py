from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from kapagate.chain.filter import Invalid
from kapagate.chain.services import Services
from kapagate.filters.guard_question import GuardQuestion
from kapagate.policy.load import Layers
from kapagate.remote.references import References
from kapagate.run import offline
from kapagate.standin.specimens import SPECIMENS
from tests.filters.gateway import CARD, EMAIL, PHONE, THREAD, UUID, Gateway, load

SERVICES = Services({})


def guarded(options: str = "{pii: redact}", beside: str = "") -> Gateway:
    return Gateway(f"  - guard_question: {options}\n    id: ask\n{beside}")


def feedback(comment: Any) -> dict[str, Any]:
    return {"question_answer": UUID, "reaction": "downvote", "comment": comment}


# --- length


@pytest.mark.parametrize("character", ["a", "é", "語", "😀"])
async def test_length_is_counted_in_characters_not_in_bytes(character: str) -> None:
    gateway = guarded("{max_length: 8, pii: allow}")
    assert (await gateway.ask(document={"query": character * 8})).status == 200
    told = await gateway.ask(document={"query": character * 9})
    assert told.problem == (422, "question-refused", "ask", "max_length")
    assert told.document["detail"] == "the question has 9 characters, 8 are allowed"
    assert len(gateway.kapa.sent) == 1


@pytest.mark.parametrize("comment", ["x" * 9, {"issue": "x" * 9}, '{"issue":""}'])
async def test_comments_have_the_same_bound(comment: Any) -> None:
    told = await guarded("{max_length: 8}").ask("feedback", feedback(comment))
    assert told.problem == (422, "question-refused", "ask", "max_length")
    assert "comment" in told.document["detail"]


async def test_without_a_length_there_is_no_bound() -> None:
    assert (await guarded().ask(document={"query": "why? " * 20_000})).status == 200


# --- blocked terms


async def test_a_question_with_a_blocked_term_is_refused() -> None:
    gateway = guarded("{pii: allow, blocked_terms: [Project Falcon, salary]}")
    told = await gateway.ask(document={"query": "What is the SALARY at project  falcon?"})
    assert told.problem == (422, "question-refused", "ask", "blocked_term")
    assert told.document["detail"] == "the question contains a blocked term"
    assert gateway.kapa.sent == []


async def test_blocked_terms_can_be_redacted_beside_personal_data() -> None:
    gateway = guarded("{blocked_terms: [falcon], on_blocked_term: redact}")
    await gateway.ask("feedback", feedback({"issue": f"falcon by {EMAIL}"}))
    assert gateway.kapa.asked["comment"] == {"issue": "<blocked> by <email>"}


def test_a_blank_term_is_refused_at_its_place() -> None:
    assert "1 to 200 characters" in load("  - guard_question: {blocked_terms: [a, '']}\n").report()


# --- personal data


@pytest.mark.parametrize("kind", SPECIMENS)
async def test_kapa_is_asked_without_personal_data(kind: str) -> None:
    gateway = guarded()
    told = await gateway.ask(document={"query": f"See {SPECIMENS[kind]}, why?"})
    assert gateway.kapa.asked["query"] == f"See <{kind}>, why?"
    assert told.verdict("ask") == {"outcome": "changed", "counts": {kind: 1}}


async def test_a_shown_api_key_does_not_leave_either() -> None:
    gateway = guarded()
    await gateway.ask(document={"query": "My key is " + "ghp_" + "a1B2c3D4e5" * 4 + ", is it good?"})
    assert gateway.kapa.asked["query"] == "My key is <api_key>, is it good?"


@pytest.mark.parametrize("operation", ["chat", "chat_stream", "thread_chat", "thread_chat_stream", "retrieval"])
async def test_every_operation_that_asks_is_guarded(operation: str) -> None:
    gateway = guarded()
    await gateway.ask(operation, {"query": f"I am {EMAIL}"})
    assert gateway.kapa.asked["query"] == "I am <email>"


async def test_the_gateways_own_query_is_guarded() -> None:
    gateway = guarded()
    await gateway.ask("query", {"query": f"I am {EMAIL}", "thread_id": THREAD, "stream": True})
    assert gateway.kapa.asked["query"] == "I am <email>"


async def test_findings_are_counted_by_kind() -> None:
    gateway = guarded()
    told = await gateway.ask(document={"query": f"{EMAIL} or {EMAIL} or {PHONE}"})
    assert told.verdict("ask")["counts"] == {"email": 2, "phone": 1}
    assert gateway.series("kapagate_guard_edits_total") == {
        '{kind="email",step="ask"}': 2.0,
        '{kind="phone",step="ask"}': 1.0,
    }


async def test_a_clean_question_goes_as_it_is() -> None:
    gateway = guarded()
    told = await gateway.ask(document={"query": "Why is version 1.2.3 of 2024 slow?"})
    assert gateway.kapa.asked["query"] == "Why is version 1.2.3 of 2024 slow?"
    assert told.verdict("ask") == {"outcome": "passed"}


async def test_refuse_refuses_and_kapa_is_not_asked() -> None:
    gateway = guarded("{pii: refuse}")
    told = await gateway.ask(document={"query": f"My card is {CARD}."})
    assert told.problem == (422, "question-refused", "ask", "card")
    assert told.document["detail"] == "the question contains personal data: card"
    assert CARD not in json.dumps(told.record)
    assert (told.verdict("ask")["outcome"], told.verdict("ask")["counts"]) == ("refused", {"card": 1})
    assert gateway.kapa.sent == []
    assert gateway.series("kapagate_refusals_total") == {'{problem="question-refused",step="ask"}': 1.0}


async def test_allow_lets_everything_through() -> None:
    gateway = guarded("{pii: allow, max_length: 100}")
    await gateway.ask(document={"query": f"My card is {CARD}."})
    assert gateway.kapa.asked["query"] == f"My card is {CARD}."


async def test_the_record_has_the_question_as_kapa_saw_it() -> None:
    told = await guarded().ask(document={"query": f"I am {EMAIL}"})
    assert told.record["question"] == "I am <email>"


async def test_ids_of_kapa_are_no_personal_data() -> None:
    gateway = guarded("{pii: refuse}")
    told = await gateway.ask(document={"query": f"Why does {UUID} fail?", "source_group_ids_include": []})
    assert told.status == 200


# --- comments


@pytest.mark.parametrize(
    "comment",
    [
        f"Wrong. Call me: {PHONE}",
        {"issue": f"Wrong. Call me: {PHONE}"},
        json.dumps({"issue": f"Wrong. Call me: {PHONE}"}),
        orjson.dumps({"issue": f"Wrong. Call me: {PHONE}"}).decode(),
    ],
)
@pytest.mark.parametrize("operation", ["feedback", "query_feedback"])
async def test_comments_lose_their_personal_data_in_whatever_form_they_come(operation: str, comment: Any) -> None:
    gateway = guarded()
    document = feedback(comment) if operation == "feedback" else {**feedback(comment), "question_answer_id": UUID}
    told = await gateway.ask(operation, document)
    assert gateway.kapa.asked["comment"] == {"issue": "Wrong. Call me: <phone>"}
    assert told.verdict("ask") == {"outcome": "changed", "counts": {"phone": 1}}


@pytest.mark.parametrize("escaped", ["\n", "\t", '"', "\\", "\r\n", "\b"])
async def test_escapes_of_json_in_a_comment_hide_nothing(escaped: str) -> None:
    gateway = guarded()
    comment = orjson.dumps({"issue": f"Call{escaped}{PHONE}{escaped}{EMAIL}", "incorrect": True}).decode()
    await gateway.ask("feedback", feedback(comment))
    assert gateway.kapa.asked["comment"] == {"issue": f"Call{escaped}<phone>{escaped}<email>", "incorrect": True}


async def test_a_comment_in_json_without_findings_stays_as_it_was() -> None:
    gateway = guarded()
    told = await gateway.ask("feedback", feedback('{"issue": "wrong\\nversion", "incorrect": true}'))
    assert gateway.kapa.asked["comment"] == {"issue": "wrong\nversion", "incorrect": True}
    assert told.verdict("ask") == {"outcome": "passed"}


async def test_refuse_refuses_comments() -> None:
    told = await guarded("{pii: refuse}").ask("feedback", feedback(orjson.dumps({"issue": f"\n{PHONE}"}).decode()))
    assert told.problem == (422, "question-refused", "ask", "phone")


async def test_json_that_is_too_deep_in_a_comment_is_refused() -> None:
    told = await guarded().ask("feedback", feedback('{"a":' + "[" * 80 + "]" * 80 + "}"))
    assert told.problem[:3] == (400, "malformed-body", "ask")


async def test_a_question_that_is_json_is_a_text_like_any_other() -> None:
    gateway = guarded()
    await gateway.ask(document={"query": f'{{"to": "{EMAIL}"}}'})
    assert gateway.kapa.asked["query"] == '{"to": "<email>"}'


@pytest.mark.parametrize("comment", [None, {}, {"incorrect": True}])
async def test_feedback_without_a_text_has_nothing_to_change(comment: Any) -> None:
    told = await guarded("{pii: refuse, max_length: 1}").ask("feedback", feedback(comment))
    assert (told.status, told.verdict("ask")) == (200, {"outcome": "passed"})


# --- bodies


@pytest.mark.parametrize("document", [{"query": 7}, {"query": [EMAIL]}, {"query": {"text": EMAIL}}, {}, [], "why?"])
async def test_what_is_no_text_is_left_to_kapas_own_words(document: Any) -> None:
    gateway = guarded("{pii: refuse, max_length: 3}")
    told = await gateway.ask(document=document)
    assert told.problem == (400, "malformed-body", "", None)
    assert gateway.kapa.sent == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "kind"),
    [
        (b"{", {}, 400, "malformed-body"),
        (b'{"query":"a","query":"b"}', {}, 400, "malformed-body"),
        (b'{"query":"\xff"}', {}, 400, "malformed-body"),
        (b'{"query":"\\ud800"}', {}, 400, "malformed-body"),
        (b'{"query":' + b"[" * 70 + b"]" * 70 + b"}", {}, 400, "malformed-body"),
        (b'{"query":"' + b"a" * (1 << 20) + b'"}', {}, 413, "body-too-large"),
        (b"\x1f\x8b", {"Content-Encoding": "gzip"}, 415, "unsupported-media"),
    ],
)
async def test_a_body_that_cannot_be_guarded_is_refused(
    body: bytes, headers: dict[str, str], status: int, kind: str
) -> None:
    gateway = guarded()
    assert (await gateway.ask(document=body, headers=headers)).problem[:3] == (status, kind, "ask")
    assert gateway.kapa.sent == []


# --- routes


async def test_an_operation_without_texts_has_nothing_to_guard() -> None:
    told = await guarded("{max_length: 1}").ask("documents", {"urls": ["https://docs.example/install"]})
    assert told.verdict("ask") == {"outcome": "skipped", "reason": "nothing_to_guard"}
    assert told.status == 200


@pytest.mark.parametrize("body", [b"no json", b"\x1f\x8b"])
async def test_a_body_that_nobody_declared_is_not_read(body: bytes) -> None:
    gateway = guarded("{pii: refuse, max_length: 1}")
    told = await gateway.ask("crm", body)
    assert told.verdict("ask") == {"outcome": "skipped", "reason": "uninspectable"}
    assert gateway.kapa.sent == [body]


# --- common options


async def test_when_names_the_routes_that_are_guarded() -> None:
    gateway = guarded("{max_length: 1}", "    when: {route: [kapa.feedback]}\n")
    told = await gateway.ask()
    assert (told.status, "ask" in told.record["verdicts"]) == (200, False)
    assert (await gateway.ask("feedback", feedback("no"))).status == 422


async def test_when_names_the_roles_that_are_guarded() -> None:
    gateway = guarded("{max_length: 1}", "    when: {role: [operator]}\n")
    told = await gateway.ask(who="ann")
    assert (told.status, told.verdict("ask")) == (200, {"outcome": "skipped", "reason": "when"})
    assert (await gateway.ask(who="bob")).status == 422


async def test_off_guards_nothing() -> None:
    told = await guarded("{max_length: 1}", "    mode: off\n").ask()
    assert (told.status, "ask" in told.record["verdicts"]) == (200, False)


async def test_a_shadow_counts_what_it_would_have_changed() -> None:
    gateway = guarded(beside="    mode: shadow\n")
    told = await gateway.ask(document={"query": f"I am {EMAIL}"})
    assert gateway.kapa.asked["query"] == f"I am {EMAIL}"
    assert told.verdict("ask") == {"outcome": "changed", "mode": "shadow", "counts": {"email": 1}}
    assert gateway.series("kapagate_shadow_total") == {'{outcome="would_be_changed",step="ask"}': 1.0}
    assert gateway.series("kapagate_guard_edits_total") == {}


async def test_a_shadow_counts_what_it_would_have_refused() -> None:
    gateway = guarded("{pii: refuse}", "    mode: shadow\n")
    told = await gateway.ask(document={"query": f"I am {EMAIL}"})
    assert (told.status, gateway.kapa.asked["query"]) == (200, f"I am {EMAIL}")
    shadow = {"outcome": "refused", "mode": "shadow", "reason": "question-refused", "counts": {"email": 1}}
    assert told.verdict("ask") == shadow


class Broken:
    """A rule with a bug."""

    kinds = frozenset({"question", "comment"})

    def __init__(self, **_: object) -> None:
        pass

    def scan(self, text: str, start: int, final: bool) -> Any:
        raise ZeroDivisionError("a bug")


@pytest.mark.parametrize(
    ("on_error", "status", "verdict"),
    [
        ("deny", 500, {"outcome": "failed", "reason": "internal"}),
        ("allow", 200, {"outcome": "skipped", "reason": "failed"}),
    ],
)
async def test_a_failing_rule_refuses_or_is_passed_by(
    monkeypatch: pytest.MonkeyPatch, on_error: str, status: int, verdict: dict[str, str]
) -> None:
    monkeypatch.setattr("kapagate.guards.custom.PersonalData", Broken)
    gateway = guarded(beside=f"    on_error: {on_error}\n")
    told = await gateway.ask(document={"query": EMAIL})
    assert (told.status, told.verdict("ask")) == (status, verdict)
    assert [EMAIL in sent.decode() for sent in gateway.kapa.sent] == [True] * (status == 200)


async def test_two_guards_each_do_their_part() -> None:
    gateway = guarded(beside="  - guard_question: {pii: refuse, max_length: 20}\n    id: strict\n")
    assert (await gateway.ask(document={"query": f"I am {EMAIL}"})).status == 200
    told = await gateway.ask(document={"query": "I am " + "a" * 30 + EMAIL})
    assert gateway.kapa.asked["query"] == "I am <email>"
    assert told.status == 200


# --- the declaration


@pytest.mark.parametrize("options", [{"max_length": 0}, {"pii": "hide"}, {"x": 1}, {"max_length": "many"}])
def test_options_are_strict(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GuardQuestion(**options)


def test_a_guard_that_guards_nothing_is_invalid() -> None:
    with pytest.raises(Invalid, match="guards nothing"):
        GuardQuestion(pii="allow").compile(SERVICES)


@pytest.mark.parametrize(("options", "asked_for"), [({}, "pii"), ({"pii": "allow", "max_length": 9}, "max_length")])
def test_what_it_needs_names_the_option_that_asks_for_it(options: dict[str, Any], asked_for: str) -> None:
    assert GuardQuestion(**options).compile(SERVICES).needs == {"question": asked_for}


def test_a_guard_of_routes_without_questions_is_found_at_load() -> None:
    chain = "  - guard_question: {}\n    when: {route: [kapa.documents]}"
    assert "can never act" in load(chain).report()


ASKS = (
    (
        "\nroutes:",
        '\nroutes:\n  - {name: told, match: "GET|POST /told", upstream: crm, text: [note],'
        ' question: ["messages[].content"]}',
    ),
    ("route.crm,", "route.crm, route.told,"),
)


async def test_what_is_asked_of_a_backend_is_guarded_where_the_route_says_that_it_stands() -> None:
    gateway = Gateway("  - guard_question: {pii: redact, max_length: 30}\n", changes=ASKS)
    asked = {
        "model": EMAIL,
        "messages": [{"role": "user", "content": "Hi"}, {"role": "user", "content": f"I am {EMAIL}"}],
    }
    told = await gateway.ask("crm", asked, b"{}", path="/told")
    assert told.status == 200
    assert gateway.kapa.asked["messages"][1] == {"role": "user", "content": "I am <email>"}
    assert gateway.kapa.asked["model"] == EMAIL
    told = await gateway.ask("crm", {"messages": [{"content": "x" * 31}]}, path="/told")
    assert told.problem[:2] == (422, "question-refused")
    assert (await gateway.ask("crm", b"<xml/>", path="/told")).status == 400


async def test_a_request_without_a_body_asks_nothing() -> None:
    gateway = Gateway("  - guard_question: {pii: redact}\n", changes=ASKS)
    assert (await gateway.ask("crm", b"", b"{}", method="GET", path="/told")).status == 200


async def test_each_kind_of_personal_data_has_its_action_and_what_is_allowed_stays() -> None:
    card = "4111 " + "1111 1111 1111"
    gateway = Gateway(
        "  - guard_question: {pii: {card: mask, default: redact}, pii_allowed: [support@example.com]}\n    id: ask\n"
    )
    await gateway.ask(document={"query": f"{card} jane@example.com support@example.com"})
    assert b"****1111 <email> support@example.com" in gateway.kapa.sent[0]


STAFF = "employee: {pattern: 'EMP-\\d{6}', action: mask, matches: [EMP-123456]}"


async def test_detectors_of_ones_own_find_what_the_policy_describes() -> None:
    gateway = guarded(f"{{pii: allow, detectors: {{{STAFF}}}}}")
    await gateway.ask(document={"query": f"Who is EMP-123456, {EMAIL}?"})
    assert f"Who is ****3456, {EMAIL}?".encode() in gateway.kapa.sent[0]


async def test_an_example_that_does_not_hold_is_told_at_its_line() -> None:
    told = load(f"  - guard_question:\n      detectors:\n        {STAFF.replace('[EMP', '[EMQ')}\n").report()
    assert "KG319" in told
    assert "the detector employee finds nothing in it, and should" in told
    assert told.splitlines()[2].split() == ["|", "^" * len("EMQ-123456")]


OVER = """
chain:
  - at: ask
    set:
      pii: {card: refuse}
      pii_allowed: [us@example.com]
      detectors: {employee: {action: refuse}, badge: {pattern: 'B\\d{4}', matches: [B1234]}}
"""


@pytest.mark.parametrize(
    "layers",
    [
        ("", f"\nkind: Tenant\nname: acme{OVER}"),
        (f"\nkind: Environment\nname: strict{OVER}", "\nkind: Tenant\nname: acme\n"),
    ],
)
def test_a_tenant_and_an_environment_have_other_actions_and_more_detectors(
    tmp_path: Path, layers: tuple[str, str]
) -> None:
    environment, tenant = layers
    api = "apiVersion: kapagate.dev/v1"
    gate = "gate: [{identify: {schemes: [{api_key: {pepper: '${env:PEPPER}', keys: []}}]}}]"
    ask = f"{{guard_question: {{pii: {{card: mask, default: allow}}, detectors: {{{STAFF}}}}}, id: ask}}"
    crm = 'upstreams: {crm: {type: http, url: "http://127.0.0.1:9"}}'
    route = "routes: [{name: crm, match: POST /crm, upstream: crm, question: [query], on_uninspectable: pass}]"
    (tmp_path / "gateway.yaml").write_text(
        f"{api}\nkind: Gateway\nname: docs\n{crm}\n{gate}\nchain:\n  - {ask}\n{route}\n"
    )
    (tmp_path / "tenant.yaml").write_text(f"{api}{tenant}")
    if environment:
        (tmp_path / "environment.yaml").write_text(f"{api}{environment}")
    loaded = offline([tmp_path], References({"PEPPER": "p" * 40}), Layers("strict" if environment else None))
    assert loaded.generation is not None, loaded.report()
    steps = loaded.generation.tenants["acme"].steps or loaded.generation.steps
    (made,) = (each.declaration for each in steps.chain if each.id == "ask")
    assert isinstance(made, GuardQuestion)
    assert made.pii == {"card": "refuse", "default": "allow"}
    assert made.pii_allowed == ("us@example.com",)
    assert {name: each.action for name, each in made.detectors.items()} == {"employee": "refuse", "badge": "redact"}
