"""Sources, confidence, code, company policy and words of `guard_answer`, through the composed gateway in every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapagate.answer.events import Text
from kapagate.answer.held import Held
from kapagate.answer.report import Report
from kapagate.answer.window import Window
from kapagate.chain.hop import Inbound
from kapagate.chain.services import Services
from kapagate.filters.guard_answer import GuardAnswer
from kapagate.standin.records import encode_record
from tests.exchanges import exchange
from tests.filters.gateway import EMAIL, THREAD, UUID, Gateway, chat, inbound, load, records, streamed

FORMS = ["json", "window", "buffer"]
PAY, START = "https://docs.example/internal/pay", "https://docs.example/start"
CITED = [
    {"source_url": PAY, "title": "Pay (draft)", "contains_internal_data": True},
    {"source_url": START, "title": "Start", "contains_internal_data": False},
]
LINKED = f"See [the pay]({PAY}) and <{START}>."


def guarded(options: str, form: str = "json", beside: str = "") -> Gateway:
    chain = f"  - guard_answer: {options}\n    id: answer\n{beside}"
    return Gateway(chain, "buffer" if form == "buffer" else "window")


def said(form: str, text: str, cited: list[dict[str, Any]] | None = None, uncertain: bool = False) -> Any:
    """What is asked for an answer in this form, and the answer, cut where it hurts."""
    question, cited = {"query": "How?"}, CITED if cited is None else cited
    if form == "json":
        told = {**orjson.loads(chat(text, uncertain=uncertain)), "relevant_sources": cited}
        return "chat", question, inbound(orjson.dumps(told))
    pieces = [text[at : at + 5] for at in range(0, len(text), 5)]
    raw = records(*pieces, uncertain=uncertain, sources=())
    raw = raw.replace(encode_record("relevant_sources", {"relevant_sources": []}), b"")
    end = encode_record("identifiers", {"thread_id": THREAD, "question_answer_id": UUID}, end=True)
    raw = raw.replace(end, encode_record("relevant_sources", {"relevant_sources": cited}) + end)
    stream: Inbound = streamed(*(raw[at : at + 13] for at in range(0, len(raw), 13)))
    return "chat_stream", question, stream


# --- sources


@pytest.mark.parametrize("form", FORMS)
async def test_links_to_denied_sources_leave_the_text_in_every_form(form: str) -> None:
    guard = guarded("{sources: {deny: ['*/internal/*']}, at_end: disclaim}", form)
    told = await guard.ask(*said(form, LINKED))
    assert told.text == f"See [the pay] and <{START}>."
    assert b"internal" not in told.body.replace(b"contains_internal_data", b"")
    assert told.verdict("answer")["edits"] == {"record": 1, "link": 1}


@pytest.mark.parametrize("form", ["json", "buffer"])
@pytest.mark.parametrize(("who", "text"), [("ann", f"See [the pay] and <{START}>."), ("bob", LINKED)])
async def test_internal_sources_are_for_roles_with_the_grant(form: str, who: str, text: str) -> None:
    told = await guarded("{sources: {internal: granted}, at_end: disclaim}", form).ask(*said(form, LINKED), who=who)
    assert told.text == text
    assert (PAY.encode() in told.body) is (who == "bob")
    assert START.encode() in told.body


async def test_of_a_stream_that_flows_links_stay_only_where_their_address_alone_clears_them() -> None:
    guard = guarded("{sources: {deny: [{title: '*draft*', url: '*/internal/*'}]}, at_end: disclaim}", "window")
    assert (await guard.ask(*said("window", LINKED))).text == f"See [the pay] and <{START}>."
    guard = guarded("{sources: {internal: withhold}, at_end: disclaim}", "window")
    assert (await guard.ask(*said("window", LINKED))).text == "See [the pay] and [link removed]."


@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_that_rests_on_forbidden_sources_alone_is_withheld_or_disclaimed(form: str) -> None:
    guard = guarded("{sources: {internal: withhold}, at_end: disclaim}", form)
    told = await guard.ask(*said(form, "Enough.", CITED[:1]))
    assert ("Enough" in told.text) is (form == "window")
    assert told.text.endswith("may be incomplete. Please check it against the documentation.") is (form == "window")
    assert (await guard.ask(*said(form, "Enough.", []))).text == "Enough."


async def test_sources_are_judged_by_role_with_a_step_for_it() -> None:
    beside = "    when: {role: [viewer]}\n"
    guard = guarded("{pii: allow, sources: {deny: ['*/internal/*']}}", "buffer", beside)
    assert PAY.encode() not in (await guard.ask(*said("buffer", LINKED), who="ann")).body
    assert PAY.encode() in (await guard.ask(*said("buffer", LINKED), who="bob")).body


# --- confidence


SCORED = "{confidence: {below: 0.7, uncertain: disclaim}, disclaimer: Unsure.}"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("text", "cited", "uncertain", "score"),
    [
        ("Use the installer.", CITED, False, 0.95),
        ("Use the installer.", CITED[:1], False, 0.85),
        ("I'm sorry, I couldn't find it.", CITED, False, 0.45),
        ("Leider habe ich dazu keine Informationen.", CITED, False, 0.45),
        ("Use the installer.", CITED, True, 0.45),
        ("Use the installer.", [], False, 0.6),
    ],
)
async def test_the_score_is_in_the_audit_and_a_metric_and_decides(
    form: str, text: str, cited: list[dict[str, Any]], uncertain: bool, score: float
) -> None:
    guard = guarded(SCORED, form, "")
    told = await guard.ask(*said(form, text, cited, uncertain))
    assert told.verdict("answer")["score"] == score
    assert told.text == (text if score >= 0.7 else f"{text}\n\nUnsure.")
    assert guard.series("kapagate_answer_confidence_sum") == {'{step="answer"}': score}


@pytest.mark.parametrize("form", FORMS)
async def test_a_shadow_tells_the_score_and_changes_nothing(form: str) -> None:
    told = await guarded(SCORED, form, "    mode: shadow\n").ask(*said(form, "I don't know.", []))
    assert told.text == "I don't know."
    assert told.verdict("answer")["score"] == 0.1
    assert told.verdict("answer")["would_edit"] == {"end": 1}


async def test_a_score_without_a_consequence_is_refused() -> None:
    assert "say what happens to uncertain answers" in load("  - guard_answer: {confidence: {below: 0.5}}\n").report()


# --- code, terms, company policy


@pytest.mark.parametrize("form", FORMS)
async def test_only_code_of_the_named_languages_stays(form: str) -> None:
    text = "Run `x`:\n```python\nrun()\n```\nor\n```js\nevil()\n```\n\n    more evil\n\ndone\n```js\nunclosed"
    told = await guarded("{code: {only: [py, inline]}}", form).ask(*said(form, text))
    kept = "Run `x`:\n```python\nrun()\n```\nor\n[code removed]\n\n[code removed]\n\ndone\n[code removed]\n"
    assert told.text == kept


@pytest.mark.parametrize("form", FORMS)
async def test_the_limit_closes_a_fence_and_leaves_links_whole(form: str) -> None:
    told = await guarded("{max_response_length: 40}", form).ask(
        *said(form, "Do:\n```sh\nmake all and more of it all\n```\n")
    )
    assert told.text == "Do:\n```sh\nmake all and more of it all\n```\n […] (shortened)"
    told = await guarded("{max_response_length: 20}", form).ask(*said(form, LINKED))
    assert told.text == "See […] (shortened)"


RULE = "{id: no-promises, patterns: ['guaranteed?'], action: %s, message: {en: 'No promises.', de: 'Ohne Gewähr.'}}"


@pytest.mark.parametrize("form", ["json", "buffer"])
async def test_a_company_rule_refuses_with_its_message_and_id(form: str) -> None:
    guard = guarded(f"{{company_policy: [{RULE % 'refuse'}]}}", form)
    told = await guard.ask(*said(form, "It is GUARANTEED."), headers={"Accept-Language": "de-AT"})
    assert told.problem == (422, "answer-refused", "answer", "company_policy.no-promises")
    assert told.document["detail"] == "Ohne Gewähr."


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("action", "text"), [("redact", "It is No promises.."), ("disclaim", "It is Guaranteed.\n\nNo promises.")]
)
async def test_a_company_rule_is_in_the_audit_by_its_id(form: str, action: str, text: str) -> None:
    told = await guarded(f"{{company_policy: [{RULE % action}]}}", form).ask(*said(form, "It is Guaranteed."))
    assert told.text == text
    assert told.verdict("answer")["edits"]["company_policy.no-promises"] == 1


async def test_a_company_rule_that_withholds_says_its_message_instead() -> None:
    told = await guarded(f"{{company_policy: [{RULE % 'withhold'}], at_end: error}}").ask(*said("json", "Guaranteed."))
    assert told.text == "No promises."
    assert told.record["answer"]["withheld"] == "answer"


async def test_questions_are_refused_and_redacted_by_company_rules() -> None:
    for action, status in (("refuse", 422), ("redact", 200)):
        gateway = Gateway(f"  - guard_question: {{company_policy: [{RULE % action}]}}\n    id: ask\n")
        told = await gateway.ask(document={"query": "Is it guaranteed?"}, headers={"Accept-Language": "de"})
        assert told.status == status
        if action == "refuse":
            assert told.document["detail"] == "Ohne Gewähr."
        else:
            assert gateway.kapa.asked["query"] == "Is it Ohne Gewähr.?"
    assert (
        "a question is redacted or refused"
        in load(f"  - guard_question: {{company_policy: [{RULE % 'withhold'}]}}\n").report()
    )


async def test_terms_of_a_file_that_the_policy_names_are_blocked(tmp_path: Path) -> None:
    file = tmp_path / "terms.txt"
    file.write_text("# names of ours\nProject Falcon\n")
    loaded = load(f"  - guard_answer: {{blocked_terms: [Kestrel, '${{file:{file}}}']}}\n    id: answer\n")
    assert loaded.generation is not None, loaded.report()
    guard = Gateway(f"  - guard_answer: {{blocked_terms: '${{file:{file}}}'}}\n    id: answer\n")
    assert (await guard.ask(*said("window", "Ask project falcon."))).text == "Ask <blocked>."


# --- words


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("language", "start"),
    [
        ("en", "This answer may"),
        ("de-CH", "Diese Antwort ist"),
        ("fr", "Cette réponse"),
        ("es-MX", "Es posible"),
        ("pl", "This"),
    ],
)
async def test_every_answer_gets_the_disclaimer_in_the_callers_language(form: str, language: str, start: str) -> None:
    told = await guarded("{require_approval: true}", form).ask(
        *said(form, "So it is."), headers={"Accept-Language": language}
    )
    assert told.text.startswith(f"So it is.\n\n{start}")


@pytest.mark.parametrize("form", FORMS)
async def test_disclaimers_stand_under_conditions(form: str) -> None:
    guard = guarded(
        "{disclaim: [{role: [viewer], message: V.}, {tenant: [other], message: T.},"
        " {language: [de], message: {de: D.}}, {uncertain: true, message: U.}]}",
        form,
    )
    asked = said(form, "So.")
    assert (await guard.ask(*asked, who="ann")).text == "So.\n\nV."
    assert (await guard.ask(*said(form, "So."), who="bob")).text == "So."
    told = await guard.ask(*said(form, "So.", uncertain=True), who="ann", headers={"Accept-Language": "de"})
    assert told.text == "So.\n\nV.\n\nD.\n\nU."


@pytest.mark.parametrize(
    ("language", "notice"), [("de", " […] (gekürzt)"), ("fr", " […] (abrégé)"), ("es", " […] (abreviado)"), ("it", "!")]
)
async def test_cuts_are_told_in_the_callers_language(language: str, notice: str) -> None:
    guard = guarded("{max_response_length: 9, cut_notice: {it: '!'}}")
    told = await guard.ask(*said("json", "one two three"), headers={"Accept-Language": language})
    assert told.text == f"one two{notice}"


async def test_an_unknown_role_is_refused() -> None:
    assert 'there is no role "viwer"' in load("  - guard_answer: {disclaim: [{role: [viwer]}]}\n").report()


# --- all of it at once


PARTS = st.sampled_from(
    [
        *(
            "prose goes on. ",
            "\n\n",
            "`code` ",
            "\n```js\nevil()\n```\n",
            "\n```py\nfine()\n```\n",
            "    indented\n",
            "- item\n",
        ),
        *(
            f"[words]({PAY})",
            f"<{START}> ",
            PAY,
            EMAIL,
            " 4111 1111 1111 1111 ",
            "Project Falcon",
            "guaranteed ",
            "日本語。",
        ),
        *(
            "I don't know ",
            "cafe\u0301 ",
            "\U0001f468\u200d\U0001f469 ",
            "`",
            "[",
            "](",
            "https://docs",
            "x" * 30,
            "\ud83d",
        ),
    ]
)
EVERYTHING = GuardAnswer.model_validate(
    {
        "pii": {"card": "mask", "default": "redact"},
        "blocked_terms": ["Project Falcon", "cafe\u0301"],
        "company_policy": [
            {"id": "no-promises", "patterns": ["guaranteed?"]},
            {"id": "note", "patterns": ["prose"], "action": "disclaim"},
        ],
        "code": {"only": ["python"]},
        "sources": {"deny": ["*/internal/*"]},
        "confidence": {"below": 0.7, "uncertain": "disclaim"},
        "max_response_length": 150,
        "at_end": "disclaim",
    }
)
STEP = EVERYTHING.compile(Services({}))


def delivered(pieces: list[str], hold: bool) -> tuple[list[str], Report]:
    """What leaves, piece by piece, of an answer that comes in these."""
    assert STEP.on_answer is not None
    rules = STEP.on_answer(exchange())
    assert rules is not None
    report = Report()
    report.enrol([rules])
    window = Held([rules], report) if hold else Window([rules], report)
    out: list[str] = []
    for piece in pieces:
        window.add(Text(piece))
        out += [each.text for each in window.release() if isinstance(each, Text)]
    return out + [each.text for each in window.release(final=True) if isinstance(each, Text)], report


@settings(max_examples=200, deadline=None)
@given(st.lists(PARTS, max_size=14).map("".join), st.lists(st.integers(1, 25), min_size=1, max_size=8))
def test_all_rules_together_deliver_the_same_however_the_text_is_cut(text: str, sizes: list[int]) -> None:
    pieces, at = [], 0
    while at < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[at : at + size])
        at += size
    whole, _ = delivered([text], hold=True)
    for cut in (pieces, list(text), [text]):
        told, report = delivered(cut, hold=False)
        assert "".join(told) == "".join(whole)
        sent = ""
        for piece in told:
            sent += piece
            assert f"({PAY})" not in sent
            assert "4111 1111 1111 1111" not in sent
        assert report.released <= report.seen
