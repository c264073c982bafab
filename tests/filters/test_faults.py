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
    assert gateway.series("kapagate_guard_skipped_total") == {'{reason="failed",step="guard"}': 1.0}


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


LOCAL, _, DOMAIN = EMAIL.partition("@")
BOTH = CHAIN.replace("id: guard", "id: guard\n    on_error: allow")
GONE = CHAIN[CHAIN.index("  - guard_answer: {pii: allow") :]


async def switched(before: str, *after: str, form: str = "window", at: int = 2) -> tuple[Told, Gateway]:
    """A stream in whose middle, before its record `at`, the policies of `after` come into force one by one."""
    gateway = Gateway(before, form)
    live: Live = gateway.entry._live
    following = [load(each, form, services=gateway.services()).generation for each in after]

    async def body() -> AsyncIterator[bytes]:
        pieces = ("Before. ", f"Ask {EMAIL}, ", f"ask {LOCAL}", f"@{DOMAIN} or", " so.")
        for number, each in enumerate(records(*pieces).split("␞".encode())[:-1]):
            if number >= at and following:
                generation = following.pop(0)
                assert generation is not None
                live.put(generation)
            yield each + "␞".encode()

    answer = streamed(b"x")
    answer.body = body()
    return await gateway.ask("chat_stream", QUESTION, answer), gateway


OFF = {
    "off": BOTH.replace("id: guard", "id: guard\n    mode: off"),
    "shadow": BOTH.replace("id: guard", "id: guard\n    mode: shadow"),
    "gone": GONE,
    "for others": BOTH.replace("id: guard", "id: guard\n    when: {role: [operator]}"),
    "for other routes": BOTH.replace("id: guard", "id: guard\n    when: {route: [kapa.retrieval]}"),
}


@pytest.mark.parametrize("after", OFF.values(), ids=OFF)
async def test_a_rule_that_is_switched_off_lets_go_of_the_streams_under_way(after: str) -> None:
    told, gateway = await switched(BOTH, after)
    assert told.text == f"Before. Ask <email>, ask {EMAIL} or so."
    assert told.verdict("guard")["answer"] == "skipped(switched_off)"
    assert told.verdict("guard")["edits"] == {"email": 1}
    checked, seen = told.record["window"]["checked"], told.record["window"]["seen"]
    assert checked["guard"] <= len(f"Before. Ask {EMAIL}, ") < seen
    assert told.verdict("other").get("answer", "enforced") == "enforced"
    assert gateway.series("kapagate_guard_skipped_total") == {'{reason="switched_off",step="guard"}': 1.0}
    assert told.record["policy"] != gateway.entry._live.generation.policy, "it ended under the one that it began with"


async def test_one_that_may_not_fail_ends_the_stream_with_an_error_record() -> None:
    told, gateway = await switched(CHAIN, CHAIN.replace("id: guard", "id: guard\n    mode: off"))
    assert told.kinds[-1] == "error"
    assert told.records[-1]["stream_end"] is True
    assert told.text == "Before. Ask <email>,"
    assert told.verdict("guard")["outcome"] == "failed"
    assert (told.record["problem"], told.record["step"]) == ("unavailable", "guard")
    assert gateway.series("kapagate_guard_skipped_total") == {}


async def test_one_that_may_not_fail_refuses_a_stream_of_which_nothing_has_left() -> None:
    told, _ = await switched(CHAIN, GONE, at=0)
    assert told.problem[:3] == (503, "unavailable", "guard")


@pytest.mark.parametrize("mode", ["off", "shadow"])
async def test_whoever_switches_it_off_may_say_that_streams_go_on(mode: str) -> None:
    said = f"id: guard\n    mode: {mode}\n    on_error: allow"
    told, _ = await switched(CHAIN, CHAIN.replace("id: guard", said))
    assert told.text.endswith(f"{EMAIL} or so.")
    assert told.verdict("guard")["answer"] == "skipped(switched_off)"


EDITED = {
    "other options": CHAIN.replace("guard_answer: {}", "guard_answer: {blocked_terms: [falcon]}"),
    "another step": CHAIN.replace("300", "200"),
    "without the other": CHAIN[: CHAIN.index("  - guard_answer: {pii: allow")],
    "another name": CHAIN.replace("id: guard\n", "id: renamed\n"),
    "named with a condition": CHAIN.replace("id: guard\n", "id: guard\n    when: {role: [viewer, operator]}\n"),
}


@pytest.mark.parametrize("after", EDITED.values(), ids=EDITED)
async def test_an_edit_of_anything_else_leaves_the_streams_under_way_as_they_began(after: str) -> None:
    """The next exchange has the next policy."""
    told, gateway = await switched(CHAIN.replace("id: other", "id: other\n    on_error: allow"), after)
    assert told.text == "Before. Ask <email>, ask <email> or so."
    assert told.verdict("guard")["answer"] == "enforced"
    following = await gateway.ask("chat_stream", QUESTION, streamed(records(f"Ask {EMAIL}.")))
    assert following.record["policy"] == gateway.entry._live.generation.policy != told.record["policy"]


async def test_what_is_switched_off_stays_off_for_the_stream_when_it_comes_back() -> None:
    told, _ = await switched(BOTH, OFF["off"], BOTH)
    assert told.text == f"Before. Ask <email>, ask {EMAIL} or so."
    assert told.verdict("guard")["answer"] == "skipped(switched_off)"


@pytest.mark.parametrize("at", [5, 6, 7])
async def test_one_that_is_switched_off_late_decides_nothing_at_the_end(at: int) -> None:
    guard = "  - guard_answer: {pii: allow, require_approval: true}\n    id: guard\n    on_error: allow\n"
    told, _ = await switched(guard, guard.replace("id: guard", "id: guard\n    mode: off"), at=at)
    assert told.text == f"Before. Ask {EMAIL}, ask {EMAIL} or so."
    assert told.verdict("guard")["answer"] == "skipped(switched_off)"


async def test_what_is_held_to_its_end_is_decided_under_the_policy_that_it_began_with() -> None:
    told, _ = await switched(BOTH, OFF["off"], form="buffer")
    assert told.text == "Before. Ask <email>, ask <email> or so."
    assert told.verdict("guard")["answer"] == "enforced"


async def test_only_the_window_can_say_enforced(fault: str) -> None:
    """A rule that has left says nothing of what came before it left, even where all of it was checked."""
    chain = CHAIN.replace("id: guard", "id: guard\n    on_error: allow")
    told, _ = await asked(chain, "window", "All of this was checked. " * 8, "Oh! ")
    assert told.verdict("guard")["answer"] != "enforced"
    unread = await gateway_of(CHAIN, "window").ask("chat_stream", QUESTION, inbound(b"", status=204))
    assert "answer" not in unread.record["verdicts"].get("guard", {})
