"""Faults in a rule while an answer is under way: it raises, it takes too long, it is switched off by a reload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from kapagate.chain.generation import Live
from kapagate.guards.personal import PersonalData
from tests.filters.gateway import EMAIL, QUESTION, Gateway, Told, inbound, load, records, streamed
from tests.filters.test_chain import FORMS, answered, gateway_of

FAULTS = ("raises", "is too slow")
SKIPPED = {"raises": "ZeroDivisionError", "is too slow": "TooSlow"}
CHAIN = "  - guard_answer: {}\n    id: guard\n  - guard_answer: {pii: allow, max_response_length: 300}\n    id: other\n"


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The rule on personal data has this fault as soon as it reads an exclamation mark."""
    kind: str = request.param

    class Faulty(PersonalData):
        def scan(self, text: str, start: int, final: bool) -> tuple[Any, int]:
            if "!" in text:
                if kind == "raises":
                    raise ZeroDivisionError("a bug")
                CLOCKS[-1].advance(2.0)
            return super().scan(text, start, final)

        def clean(self, texts: Any) -> bool:
            return False

    monkeypatch.setattr("kapagate.guards.custom.PersonalData", Faulty)
    return kind


CLOCKS: list[Any] = []


async def asked(chain: str, form: str, *pieces: str) -> tuple[Told, Gateway]:
    gateway = gateway_of(chain, form)
    CLOCKS.append(gateway.clock)
    return await answered(gateway, form, *pieces), gateway


@pytest.mark.parametrize("form", FORMS)
async def test_a_rule_that_may_fail_is_told_as_skipped_and_counted_and_the_others_go_on(fault: str, form: str) -> None:
    chain = CHAIN.replace("id: guard", "id: guard\n    on_error: allow")
    told, gateway = await asked(chain, form, "Before. ", "Oh! ", f"Ask {EMAIL}. ", "word " * 100)
    assert told.verdict("guard")["answer"] == f"skipped(text rule failed: {SKIPPED[fault]})"
    assert told.verdict("other")["answer"] == "enforced"
    assert told.record["window"]["checked"]["guard"] < told.record["window"]["seen"]
    assert told.record["answer"]["cut"] == "other"
    assert gateway.series("kapagate_guard_skipped_total") == {'{step="guard"}': 1.0}


async def test_a_rule_that_may_not_fail_ends_a_stream_with_an_error_record(fault: str) -> None:
    told, gateway = await asked(CHAIN, "window", "Before. " * 20, f"{EMAIL} ", "Oh! ", " After.")
    assert told.kinds == ["partial_answer", "error"]
    assert told.records[-1]["stream_end"] is True
    assert "After" not in told.text
    assert EMAIL not in told.text
    assert told.verdict("guard")["outcome"] == "failed"
    assert told.verdict("guard")["answer"] == "enforced", "on all that was delivered, and that is where it ended"
    assert len(told.text) <= told.record["window"]["checked"]["guard"]
    assert (told.record["outcome"], told.record["problem"], told.record["step"]) == ("failed", "internal", "guard")
    assert gateway.series("kapagate_refusals_total") == {'{problem="internal",step="guard"}': 1.0}


@pytest.mark.parametrize("form", ["json", "buffer"])
async def test_a_rule_that_may_not_fail_ends_a_held_answer_with_a_problem(fault: str, form: str) -> None:
    told, _ = await asked(CHAIN, form, "Before. ", f"{EMAIL} ", "Oh! ")
    assert told.problem[:3] == (500, "internal", "guard")
    assert EMAIL.encode() not in told.body


async def test_what_a_slow_rule_found_before_it_left_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(PersonalData):
        def scan(self, text: str, start: int, final: bool) -> tuple[Any, int]:
            CLOCKS[-1].advance(2.0)
            return super().scan(text, start, final)

    monkeypatch.setattr("kapagate.guards.custom.PersonalData", Slow)
    chain = CHAIN.replace("id: guard", "id: guard\n    on_error: allow")
    told, _ = await asked(chain, "window", f"Ask {EMAIL} now, ", f"or {EMAIL} then.")
    assert told.text == f"Ask <email> now, or {EMAIL} then."
    assert told.verdict("guard")["answer"].startswith("skipped(")


@pytest.mark.parametrize("mode", ["off", "shadow"])
async def test_a_reload_that_switches_a_rule_off_leaves_the_streams_under_way_as_they_began(mode: str) -> None:
    """A policy is in force for an exchange from its head to its end; the next exchange has the next one."""
    gateway = Gateway(CHAIN)
    live: Live = gateway.entry._live
    before = live.generation
    after = load(CHAIN.replace("id: guard", f"id: guard\n    mode: {mode}"), services=gateway.services()).generation
    assert after is not None
    local, _, domain = EMAIL.partition("@")

    async def body() -> AsyncIterator[bytes]:
        stream = records(f"Ask {local}", f"@{domain} or", " so.").split("␞".encode())
        for at, each in enumerate(stream[:-1]):
            if at == 1:
                live.generation = after
            yield each + "␞".encode()

    answer = streamed(b"x")
    answer.body = body()
    told = await gateway.ask("chat_stream", QUESTION, answer)
    assert told.text == "Ask <email> or so."
    assert (told.verdict("guard")["answer"], told.record["policy"]) == ("enforced", before.policy)
    following = await gateway.ask("chat_stream", QUESTION, streamed(records(f"Ask {EMAIL}.")))
    assert following.text == f"Ask {EMAIL}."
    assert (following.record["verdicts"].get("guard") or {}).get("answer") in (None, "shadow")
    assert following.record["policy"] == after.policy


async def test_only_the_window_can_say_enforced(fault: str) -> None:
    """A rule that has left says nothing of what came before it left, even where all of it was checked."""
    chain = CHAIN.replace("id: guard", "id: guard\n    on_error: allow")
    told, _ = await asked(chain, "window", "All of this was checked. " * 8, "Oh! ")
    assert told.verdict("guard")["answer"] != "enforced"
    unread = await gateway_of(CHAIN, "window").ask("chat_stream", QUESTION, inbound(b"", status=204))
    assert "answer" not in unread.record["verdicts"].get("guard", {})
