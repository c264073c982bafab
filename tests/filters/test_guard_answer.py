from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from kapagate.chain.filter import Invalid
from kapagate.chain.hop import Inbound
from kapagate.chain.services import Services
from kapagate.filters.guard_answer import GuardAnswer
from kapagate.standin.records import encode_record
from kapagate.standin.specimens import SPECIMENS
from tests.filters.gateway import (
    CARD,
    EMAIL,
    PHONE,
    THREAD,
    UUID,
    Gateway,
    chat,
    inbound,
    load,
    records,
    streamed,
)

SERVICES = Services({})
FORMS = ("json", "window", "buffer")
DISCLAIMER = "This answer may be incomplete. Please check it against the documentation."
SEARCHED = {"query": "install", "top_k": 2}


def guarded(options: str = "{pii: redact}", beside: str = "", form: str = "window") -> Gateway:
    stream = "buffer" if form == "buffer" else "window"
    return Gateway(f"  - guard_answer: {options}\n    id: answer\n{beside}", stream)


def said(form: str, *texts: str, **more: Any) -> tuple[str, dict[str, Any], Inbound]:
    """What is asked for an answer in this form, and the answer: operation, question, answer."""
    question = {"query": "Whom do I ask?"}
    if form == "json":
        more.pop("early", None)
        return "chat", question, inbound(chat("".join(texts), **more))
    return "chat_stream", question, streamed(*_cut(records(*texts, **more)))


def _cut(stream: bytes, size: int = 7) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


# --- personal data


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", SPECIMENS)
async def test_personal_data_is_redacted_in_every_form(form: str, kind: str) -> None:
    value = SPECIMENS[kind]
    told = await guarded(form=form).ask(*said(form, "It is ", value[:4], value[4:], ", I think."))
    assert told.text == f"It is <{kind}>, I think."
    assert value.encode() not in told.body
    assert told.verdict("answer") == {"outcome": "passed", "answer": "enforced", "edits": {kind: 1}}


@pytest.mark.parametrize("form", FORMS)
async def test_identifiers_sources_and_certainty_arrive_as_they_were(form: str) -> None:
    told = await guarded(form=form).ask(*said(form, f"Ask {EMAIL}.", uncertain=True))
    source = {"source_url": "https://docs.example/install?by=a@b.example", "title": "Install"}
    if form == "json":
        expected = orjson.loads(chat("Ask <email>.", uncertain=True))
        assert told.document == expected
        return
    assert [record["content"] for record in told.records if record["type"] != "partial_answer"] == [
        {"relevant_sources": [source]},
        {"is_uncertain": True},
        {"thread_id": THREAD, "question_answer_id": UUID},
    ]
    assert [record["stream_end"] for record in told.records] == [False] * (len(told.records) - 1) + [True]


@pytest.mark.parametrize("form", ["json", "buffer"])
async def test_a_refused_answer_is_a_whole_problem_where_nothing_left_yet(form: str) -> None:
    told = await guarded("{pii: refuse}", form=form).ask(*said(form, "Long before. " * 40, f"Her card is {CARD}."))
    assert told.problem == (422, "answer-refused", "answer", "card")
    assert CARD.encode() not in told.body
    assert (told.verdict("answer")["outcome"], told.record["outcome"]) == ("refused", "refused")


async def test_a_refusal_at_the_begin_of_a_stream_is_a_whole_problem() -> None:
    told = await guarded("{pii: refuse}").ask(*said("window", EMAIL, " is her address."))
    assert told.problem == (422, "answer-refused", "answer", "email")


async def test_a_refusal_in_mid_stream_is_an_error_record() -> None:
    told = await guarded("{pii: refuse}").ask(*said("window", "Long before. " * 40, f"Her card is {CARD}.", " After."))
    assert (told.status, told.sink.ended, told.sink.was_cut) == (200, True, False)
    assert told.kinds == ["partial_answer", "error"]
    assert told.records[-1] == {
        "type": "error",
        "content": {"reason": "the answer was refused: it contains card"},
        "stream_end": True,
    }
    assert CARD[:6] not in told.text
    assert "After" not in told.text
    assert told.record["outcome"] == "refused"
    assert told.record["step"] == "answer"


@pytest.mark.parametrize("form", FORMS)
async def test_titles_of_sources_are_redacted_and_their_urls_are_not(form: str) -> None:
    told = await guarded(form=form).ask(*said(form, "See there.", sources=[f"Written by {EMAIL}"]))
    assert b'"title":"Written by <email>"' in told.body
    assert b"https://docs.example/install?by=a@b.example" in told.body
    assert told.verdict("answer")["edits"] == {"email": 1}


async def test_titles_of_sources_can_refuse() -> None:
    told = await guarded("{pii: refuse}").ask(*said("json", "See there.", sources=[EMAIL]))
    assert told.problem == (422, "answer-refused", "answer", "email")


async def test_every_string_in_unknown_records_is_guarded() -> None:
    note = {"text": f"by {EMAIL}", "list": [PHONE, 1, None], "id": UUID}
    stream = encode_record("note", note) + records("Fine.")
    told = await guarded().ask("chat_stream", {"query": "?"}, streamed(*_cut(stream)))
    assert told.records[0]["content"] == {"text": "by <email>", "list": ["<phone>", 1, None], "id": UUID}


async def test_every_string_under_unknown_keys_is_guarded() -> None:
    told = await guarded().ask("chat", {"query": "?"}, chat("Fine.", follow_ups=[f"Who is {EMAIL}?"], score=0.5))
    assert told.document["follow_ups"] == ["Who is <email>?"]
    assert (told.document["score"], told.document["thread_id"]) == (0.5, THREAD)


async def test_allow_leaves_personal_data_alone() -> None:
    told = await guarded("{pii: allow, max_response_length: 500}").ask(*said("window", f"Ask {EMAIL}."))
    assert told.text == f"Ask {EMAIL}."
    assert "edits" not in told.record["verdicts"]["answer"]


# --- length


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("limit", [1, 10, 11, 200, 640])
async def test_every_form_is_cut_at_the_same_word(form: str, limit: int) -> None:
    words = "one zwei trois 四 " * 100
    options = f"{{max_response_length: {limit}}}"
    whole = (await guarded(options).ask(*said("json", words))).text
    told = await guarded(options, form=form).ask(*said(form, *[words[at : at + 5] for at in range(0, len(words), 5)]))
    assert told.text == whole
    kept = told.text.removesuffix(" […] (shortened)")
    assert told.text != kept
    assert len(kept) <= limit
    assert words.startswith(kept)
    assert words[len(kept)] == " " or not kept
    assert told.record["answer"]["cut"] == "answer"
    assert told.verdict("answer")["edits"] == {"limit": 1}


@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_of_the_longest_length_stays_whole(form: str) -> None:
    told = await guarded("{max_response_length: 300}", form=form).ask(*said(form, "word " * 59, "words"))
    assert told.text == "word " * 59 + "words"
    assert "cut" not in told.record["answer"]


@pytest.mark.parametrize("form", FORMS)
async def test_what_follows_a_cut_still_arrives(form: str) -> None:
    told = await guarded("{max_response_length: 20, cut_notice: ' (cut)'}", form=form).ask(*said(form, "word " * 90))
    assert told.text == "word word word word (cut)"
    assert THREAD.encode() in told.body
    assert b"relevant_sources" in told.body


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("retrieval", [{"source_url": f"https://d.example/{EMAIL}", "content": "word " * 90 + EMAIL}]),
        (
            "documents",
            {"results": [{"document_id": UUID, "title": PHONE, "content": "word " * 90 + EMAIL}], "page": 1},
        ),
    ],
)
async def test_passages_and_documents_are_redacted_whole_and_never_cut(operation: str, answer: Any) -> None:
    asked = SEARCHED if operation == "retrieval" else {"document_ids": [UUID]}
    gateway = guarded("{max_response_length: 20, confidence: {uncertain: disclaim}}")
    told = await gateway.ask(operation, asked, orjson.dumps(answer))
    expected = orjson.dumps(answer).replace(f" {EMAIL}".encode(), b" <email>").replace(PHONE.encode(), b"<phone>")
    assert told.document == orjson.loads(expected)
    assert told.verdict("answer")["answer"] == "enforced"
    assert sum(told.verdict("answer")["edits"].values()) == (1 if operation == "retrieval" else 2)


async def test_passages_can_refuse() -> None:
    told = await guarded("{pii: refuse}").ask("retrieval", SEARCHED, orjson.dumps([{"content": EMAIL}]))
    assert told.problem == (422, "answer-refused", "answer", "email")


# --- certainty


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("early", [True, False])
async def test_uncertain_answers_are_disclaimed_wherever_kapa_says_so(form: str, early: bool) -> None:
    gateway = guarded("{confidence: {uncertain: disclaim}}", form=form)
    told = await gateway.ask(*said(form, "Perhaps", ".", uncertain=True, early=early))
    assert told.text == f"Perhaps.\n\n{DISCLAIMER}"
    assert told.verdict("answer") == {"outcome": "passed", "answer": "enforced", "edits": {"end": 1}}
    if form != "json":
        assert told.kinds[-2:] == ["partial_answer", "identifiers"]


@pytest.mark.parametrize("form", FORMS)
async def test_certain_answers_are_not_disclaimed(form: str) -> None:
    told = await guarded("{confidence: {uncertain: disclaim}}", form=form).ask(*said(form, "Surely."))
    assert told.text == "Surely."
    assert told.verdict("answer") == {"outcome": "passed", "answer": "enforced"}


@pytest.mark.parametrize("form", FORMS)
async def test_an_uncertain_silence_is_disclaimed_without_a_gap(form: str) -> None:
    told = await guarded("{confidence: {uncertain: disclaim}}", form=form).ask(*said(form, "", uncertain=True))
    assert told.text == DISCLAIMER


@pytest.mark.parametrize("form", FORMS)
async def test_a_disclaimer_of_ones_own_follows_the_notice_of_a_cut(form: str) -> None:
    gateway = guarded("{max_response_length: 9, confidence: {uncertain: disclaim}, disclaimer: Maybe.}", form=form)
    assert (await gateway.ask(*said(form, "word " * 9, uncertain=True))).text == "word word […] (shortened)\n\nMaybe."


async def test_by_default_uncertain_answers_stay_as_they_are() -> None:
    assert (await guarded().ask(*said("window", "Perhaps.", uncertain=True))).text == "Perhaps."


@pytest.mark.parametrize("form", ["window", "buffer"])
async def test_a_stream_that_kapa_ends_with_an_error_is_not_disclaimed(form: str) -> None:
    said_so_far = [encode_record("metadata", {"is_uncertain": True}), encode_record("partial_answer", {"text": "So"})]
    error = encode_record("error", {"reason": f"Sorry, ask {EMAIL}."}, end=True)
    gateway = guarded("{confidence: {uncertain: disclaim}}", form=form)
    told = await gateway.ask("chat_stream", {"query": "?"}, streamed(*said_so_far, error))
    assert told.text == "So"
    assert told.kinds[-1] == "error"
    assert told.records[-1]["content"] == {"reason": "Sorry, ask <email>."}


# --- errors of the upstream


@pytest.mark.parametrize("operation", ["chat", "chat_stream", "retrieval", "documents"])
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_an_error_of_kapa_keeps_its_status_and_words(operation: str, status: int) -> None:
    error = {"detail": "Request was throttled. Expected available in 7 seconds.", "is_uncertain": True, "answer": "no"}
    asked = {"document_ids": [UUID]} if operation == "documents" else {"query": "?"}
    gateway = guarded("{pii: refuse, max_response_length: 1, confidence: {uncertain: disclaim}}")
    told = await gateway.ask(operation, asked, inbound(orjson.dumps(error), status=status, retry_after="7"))
    assert (told.status, told.document, told.sink.header(b"retry-after")) == (status, error, b"7")


@pytest.mark.parametrize("pii", ["redact", "refuse"])
async def test_personal_data_in_an_error_is_redacted_and_never_hides_the_error(pii: str) -> None:
    error = inbound(orjson.dumps({"detail": f"Slow down, or write to {EMAIL}."}), status=429, retry_after="7")
    told = await guarded(f"{{pii: {pii}}}").ask(answer=error)
    assert (told.status, told.document) == (429, {"detail": "Slow down, or write to <email>."})
    assert told.sink.header(b"retry-after") == b"7"


async def test_allow_leaves_errors_alone() -> None:
    error = inbound(orjson.dumps({"detail": f"Write to {EMAIL}."}), status=500)
    told = await guarded("{pii: allow, max_response_length: 9}").ask(answer=error)
    assert told.document == {"detail": f"Write to {EMAIL}."}


# --- routes


@pytest.mark.parametrize(("operation", "reason"), [("feedback", "nothing_to_guard"), ("crm", "uninspectable")])
async def test_routes_that_show_no_answer_are_passed_by(operation: str, reason: str) -> None:
    gateway = guarded("{pii: refuse}")
    answer = orjson.dumps({"seen": EMAIL})
    told = await gateway.ask(operation, {"question_answer": UUID, "reaction": "upvote"}, inbound(answer))
    assert (told.status, told.body) == (200, answer)
    assert told.verdict("answer") == {"outcome": "skipped", "reason": reason}


async def test_a_guard_of_certainty_alone_has_nothing_to_guard_in_passages() -> None:
    told = await guarded("{pii: allow, confidence: {uncertain: disclaim}}").ask("retrieval", SEARCHED, b"[]")
    assert told.verdict("answer") == {"outcome": "skipped", "reason": "nothing_to_guard"}


async def test_declared_texts_of_a_backend_are_guarded() -> None:
    notes = {"notes": [{"text": f"by {EMAIL}", "author": EMAIL}]}
    told = await guarded("{max_response_length: 3}").ask("declared", b"", orjson.dumps(notes), method="GET")
    assert told.document == {"notes": [{"text": "by <email>", "author": EMAIL}]}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (inbound(b"<p>", content_type="text/html"), {"outcome": "skipped", "reason": "uninspectable"}),
        (inbound(b"", status=204), {"outcome": "passed"}),
        (inbound(b"{}"), {"outcome": "passed", "answer": "enforced"}),
    ],
)
async def test_the_record_says_when_an_answer_passed_unread(answer: Inbound, verdict: dict[str, str]) -> None:
    told = await guarded("{pii: refuse}").ask("lax", b"", answer, method="GET")
    assert told.status in (200, 204)
    assert told.verdict("answer") == verdict


async def test_an_answer_that_cannot_be_read_is_no_answer() -> None:
    told = await guarded().ask("declared", b"", inbound(b"<p>", content_type="text/html"), method="GET")
    assert told.problem[:2] == (502, "upstream-uninspectable")


# --- terms and code


@pytest.mark.parametrize("form", FORMS)
async def test_blocked_terms_are_redacted_however_they_are_cut(form: str) -> None:
    guard = guarded("{pii: allow, blocked_terms: [Project Falcon]}", form=form)
    told = await guard.ask(*said(form, "Ask proj", "ect  Fal", "con, not falcons."))
    assert told.text == "Ask <blocked>, not falcons."
    assert told.verdict("answer") == {"outcome": "passed", "answer": "enforced", "edits": {"blocked_term": 1}}


async def test_a_blocked_term_can_refuse() -> None:
    guard = guarded("{blocked_terms: [falcon], on_blocked_term: refuse}")
    told = await guard.ask(*said("json", "The falcon."))
    assert told.problem == (422, "answer-refused", "answer", "blocked_term")


@pytest.mark.parametrize("form", FORMS)
async def test_code_leaves_the_answer(form: str) -> None:
    told = await guarded("{code: remove}", form=form).ask(*said(form, "Run:\n``", "`sh\nrm -r", "f x\n```\nDone."))
    assert told.text == "Run:\n[code removed]\nDone."


async def test_code_of_one_answer_is_not_remembered_in_the_next() -> None:
    guard = guarded("{code: remove}")
    await guard.ask(*said("window", "Run:\n```\nnever closed"))
    assert (await guard.ask(*said("window", "Fine."))).text == "Fine."


# --- the declaration


@pytest.mark.parametrize(
    "options",
    [
        {"max_response_length": 0},
        {"pii": "hide"},
        {"confidence": {"uncertain": "hide"}},
        {"confidence": {"certain": "allow"}},
        {"disclaimer": ""},
        {"x": 1},
    ],
)
def test_options_are_strict(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GuardAnswer(**options)


def test_a_guard_that_guards_nothing_is_invalid() -> None:
    with pytest.raises(Invalid, match="guards nothing"):
        GuardAnswer(pii="allow").compile(SERVICES)


@pytest.mark.parametrize(
    ("options", "needs"),
    [
        ({}, {"answer text": "pii"}),
        ({"pii": "allow", "max_response_length": 9}, {"running text": "max_response_length"}),
        (
            {"pii": "allow", "confidence": {"uncertain": "disclaim"}},
            {"running text": "confidence", "uncertainty": "confidence"},
        ),
        (
            {"sources": {"min": 1}, "at_end": "disclaim"},
            {"answer text": "pii", "running text": "sources", "sources": "sources"},
        ),
    ],
)
def test_what_it_needs_names_the_option_that_asks_for_it(options: dict[str, Any], needs: dict[str, str]) -> None:
    assert GuardAnswer.model_validate(options).compile(SERVICES).needs == needs


@pytest.mark.parametrize(
    ("options", "route"),
    [
        ("{}", "kapa.feedback"),
        ("{pii: allow, confidence: {uncertain: disclaim}}", "kapa.retrieval"),
        ("{pii: allow, max_response_length: 100}", "kapa.retrieval"),
        ("{pii: allow, max_response_length: 100}", "kapa.documents"),
        ("{pii: allow, max_response_length: 100}", "lax"),
    ],
)
def test_a_guard_that_can_never_act_is_found_at_load(options: str, route: str) -> None:
    chain = f"  - guard_answer: {options}\n    when: {{route: [{route}]}}"
    assert "can never act" in load(chain).report()


IDLE = {
    "confidence: {uncertain: disclaim}": "confidence.uncertain",
    "confidence: {uncertain: withhold, below: 0.5}, at_end: disclaim": "confidence.uncertain",
    "sources: {min: 1}, at_end: disclaim": "sources.min",
    "sources: {deny: [a], min: 1}, at_end: error": "sources.min",
    "max_response_length: 9": "max_response_length",
    "code: remove": "code",
    "require_approval: true": "require_approval",
    "company_policy: [{id: a, patterns: [x], action: redact}, {id: b, patterns: [y], action: disclaim}]": (
        "company_policy[1]"
    ),
}


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
@pytest.mark.parametrize("options", IDLE)
def test_an_option_that_can_act_on_none_of_the_steps_routes_is_refused_with_the_change(options: str, mode: str) -> None:
    step = f"  - guard_answer: {{{options}}}\n    id: part\n    mode: {mode}\n"
    report = load(step + "    when: {route: [kapa.retrieval, kapa.documents]}").report()
    assert f'KG330 step "part" `{IDLE[options]}` can never act' in report.replace("  ", " ")
    assert 'routes "kapa.retrieval", "kapa.documents" have no running text' in report
    assert 'such as "kapa.chat", or leave the option out' in report
    assert report.count("KG330") == 1
    assert load(step + "    when: {route: [kapa.retrieval, kapa.documents, kapa.chat]}").ok
    assert load(step).ok


def test_what_a_step_says_of_personal_data_is_for_some_of_its_routes_too() -> None:
    step = "  - guard_answer: {sources: {deny: [a]}, at_end: error}\n    when: {route: [kapa.chat]}"
    assert load(step).ok


BACKENDS = (
    (
        "\nroutes:",
        '\nroutes:\n  - {name: told, match: "POST /told", upstream: crm, question: ["messages[].content"],'
        ' text: [note], running_text: ["choices[].delta.content", answer]}',
    ),
    ("route.crm,", "route.crm, route.told,"),
)


async def test_a_backend_has_neither_sources_nor_certainty_so_nothing_is_decided_on_its_answers() -> None:
    chain = "  - guard_answer: {sources: {min: 1, deny: ['*']}, confidence: {uncertain: withhold}, at_end: error}\n"
    gateway = Gateway(chain + "    id: answer\n", changes=BACKENDS)
    answer = {"answer": f"Ask {EMAIL}.", "is_uncertain": True, "cited": [{"source_url": "https://a.example"}]}
    told = await gateway.ask("crm", {"messages": []}, orjson.dumps(answer), path="/told")
    assert told.document == {**answer, "answer": "Ask <email>."}
    assert told.verdict("answer")["answer"] == "enforced"


async def test_deltas_of_a_backend_are_one_text() -> None:
    pieces = [
        f'data: {{"choices":[{{"delta":{{"content":"{each}"}}}}]}}\n\n'.encode()
        for each in (EMAIL[:6], EMAIL[6:], " ok.")
    ]
    gateway = Gateway("  - guard_answer: {pii: redact}\n    id: answer\n", changes=BACKENDS)
    answer = inbound(*pieces, b"data: [DONE]\n\n", content_type="text/event-stream")
    told = await gateway.ask("crm", {"messages": []}, answer, path="/told")
    said = [orjson.loads(each.removeprefix(b"data: ")) for each in told.body.split(b"\n\n")[:-2]]
    assert "".join(each["choices"][0]["delta"]["content"] for each in said) == "<email> ok."
    assert told.body.endswith(b"data: [DONE]\n\n")
    assert told.sink.header(b"x-accel-buffering") == b"no"


async def test_a_refusal_in_the_middle_of_events_is_an_event() -> None:
    pieces = [b'data: {"answer":"A long beginning of it. "}\n\n', b'data: {"answer":"%b now"}\n\n' % EMAIL.encode()]
    gateway = Gateway("  - guard_answer: {pii: refuse}\n    id: answer\n", changes=BACKENDS)
    answer = inbound(*pieces, content_type="text/event-stream")
    told = await gateway.ask("crm", {"messages": []}, answer, path="/told")
    assert told.status == 200
    assert EMAIL.encode() not in told.body
    assert told.body.split(b"\n\n")[-2].startswith(b'event: error\ndata: {"error":{"message":')
    assert told.record["outcome"] == "refused"
