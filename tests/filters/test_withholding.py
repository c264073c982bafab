"""Answers that are judged by their sources and their certainty, in every form."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kapagate.chain.hop import Inbound
from tests.filters.gateway import THREAD, UUID, Gateway, chat, inbound, load, records, streamed

FORMS = ["json", "buffer"]
WITHHELD = "This answer cannot be shown. Please ask your support team."
DISCLAIMER = "This answer may be incomplete. Please check it against the documentation."
ASKED = {"query": "How?"}


def guarded(options: str, form: str = "window") -> Gateway:
    return Gateway(f"  - guard_answer: {options}\n    id: answer\n", "window" if form == "window" else "buffer")


def said(form: str, *texts: str, **more: Any) -> tuple[str, dict[str, Any], Inbound]:
    if form == "json":
        return "chat", ASKED, inbound(chat("".join(texts), **more))
    stream = records(*texts, **more)
    return "chat_stream", ASKED, streamed(*(stream[at : at + 9] for at in range(0, len(stream), 9)))


# --- withheld


@pytest.mark.parametrize("form", FORMS)
async def test_an_uncertain_answer_is_withheld_and_keeps_its_identifiers(form: str) -> None:
    told = await guarded("{confidence: {uncertain: withhold}}", form).ask(*said(form, "Maybe so.", uncertain=True))
    assert (told.status, told.text) == (200, WITHHELD)
    assert b"Maybe" not in told.body
    assert b"docs.example" not in told.body
    assert THREAD.encode() in told.body
    assert UUID.encode() in told.body
    assert told.verdict("answer") == {"outcome": "passed", "answer": "enforced", "edits": {"uncertain": 1}}
    assert told.record["answer"]["withheld"] == "answer"
    assert told.record["answer"]["characters"] == len(WITHHELD)


@pytest.mark.parametrize("form", FORMS)
async def test_a_certain_answer_with_enough_sources_is_said(form: str) -> None:
    guard = guarded("{confidence: {uncertain: withhold}, sources: {min: 1}}", form)
    told = await guard.ask(*said(form, "Surely so."))
    assert told.text == "Surely so."
    assert "withheld" not in told.record["answer"]


@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_with_too_few_sources_is_withheld_and_duplicates_count_once(form: str) -> None:
    guard = guarded("{sources: {min: 2}, withheld: 'Not backed.'}", form)
    told = await guard.ask(*said(form, "So it is.", sources=("Install", "Install")))
    assert told.text == "Not backed."


async def test_a_withheld_json_answer_has_every_member_that_clients_read() -> None:
    told = await guarded("{sources: {min: 1}}", "json").ask(*said("json", "So it is.", sources=()))
    assert told.document == orjson.loads(chat(WITHHELD, sources=()))


async def test_a_withheld_question_counts_as_refused() -> None:
    guard = guarded("{sources: {min: 1}}", "json")
    await guard.ask(*said("json", "So it is.", sources=()))
    assert guard.series("kapa_queries_total") == {'{status="refused",tenant_id="default"}': 1.0}


async def test_a_shadow_only_counts_what_it_would_withhold() -> None:
    guard = Gateway("  - guard_answer: {sources: {min: 9}}\n    id: answer\n    mode: shadow\n", "buffer")
    told = await guard.ask(*said("buffer", "So it is."))
    assert told.text == "So it is."
    assert told.verdict("answer")["would_edit"] == {"sources": 1}


# --- streams that flow


async def test_a_flowing_stream_needs_a_word_on_its_end() -> None:
    for option in ("confidence: {uncertain: withhold}", "sources: {min: 1}", "sources: {deny: ['*/internal/*']}"):
        report = load(f"  - guard_answer: {{{option}}}\n").report()
        assert "cannot be enforced on route" in report
        assert "`stream: buffer` at the upstream, or `at_end: disclaim`" in report
        assert load(f"  - guard_answer: {{{option}}}\n", "buffer").generation is not None
        assert load(f"  - guard_answer: {{{option}, at_end: disclaim}}\n").generation is not None


async def test_at_its_end_a_flowing_stream_is_disclaimed() -> None:
    told = await guarded("{sources: {min: 1}, at_end: disclaim}").ask(*said("window", "So it is.", sources=()))
    assert told.text == f"So it is.\n\n{DISCLAIMER}"
    assert told.kinds[-1] == "identifiers"


async def test_at_its_end_a_flowing_stream_is_ended_with_an_error() -> None:
    told = await guarded("{confidence: {uncertain: withhold}, at_end: error}").ask(
        *said("window", "Maybe so.", uncertain=True)
    )
    assert told.text == "Maybe "
    assert told.kinds[-1] == "error"
    assert told.records[-1]["content"] == {"reason": WITHHELD}
    assert told.record["outcome"] == "refused"


@pytest.mark.parametrize("form", FORMS)
async def test_what_is_held_is_withheld_whatever_is_said_of_flowing_streams(form: str) -> None:
    told = await guarded("{sources: {min: 1}, at_end: disclaim}", form).ask(*said(form, "So it is.", sources=()))
    assert told.text == WITHHELD


# --- sources


@pytest.mark.parametrize("form", ["json", "window", "buffer"])
async def test_denied_sources_are_not_named(form: str) -> None:
    guard = guarded("{sources: {deny: [{title: '*salar*'}, 'https://intern.example/*']}, at_end: disclaim}", form)
    told = await guard.ask(*said(form, "So it is.", sources=("Install", "Salaries 2026")))
    assert told.text == "So it is."
    assert b"Salaries" not in told.body
    assert b"Install" in told.body
    assert told.verdict("answer")["edits"] == {"record": 1}


@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_that_rests_on_denied_sources_alone_is_withheld(form: str) -> None:
    guard = guarded("{sources: {min: 1, deny: [{title: '*salar*'}]}}", form)
    told = await guard.ask(*said(form, "So it is.", sources=("Salaries 2026",)))
    assert told.text == WITHHELD


async def test_denied_passages_and_documents_leave_their_lists() -> None:
    guard = Gateway("  - guard_answer: {sources: {deny: ['*/internal/*']}}\n    id: answer\n", "buffer")
    found = [
        {"source_url": "https://docs.example/internal/a", "content": "secret"},
        {"source_url": "https://docs.example/b", "content": "open"},
    ]
    told = await guard.ask("retrieval", {"query": "q", "top_k": 2}, inbound(orjson.dumps(found)))
    assert told.document == found[1:]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{sources: {deny: [{}]}}", "name an address or a title"),
        ("{at_end: error}", "nothing is decided at the end"),
        ("{blocked_terms: [' ']}", "1 to 200 characters"),
        ("{pii: allow}", "guards nothing"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: str, message: str) -> None:
    assert message in load(f"  - guard_answer: {options}\n").report()
