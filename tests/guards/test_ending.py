"""What is decided on a whole answer."""

from __future__ import annotations

from typing import Any

import pytest

from kapagate.answer.answer import Answer
from kapagate.answer.events import Text
from kapagate.answer.refusal import Withheld
from kapagate.answer.report import Report, StepReport
from kapagate.guards.company_policy import Policy, PolicyRule
from kapagate.guards.confidence import Confidence
from kapagate.guards.disclaimers import Disclaim
from kapagate.guards.ending import Ending, Found
from kapagate.guards.refusal_phrases import RefusalPhrases
from kapagate.guards.sources import Seen

SOURCES = [{"source_url": "https://docs.example/a"}, {"source_url": "https://docs.example/a#b"}]
RULES = [
    PolicyRule(id="legal", patterns=("x",), action="disclaim", message="No legal advice."),
    PolicyRule(id="plan", patterns=("y",), action="withhold", message={"de": "Geheim.", "en": "Secret."}),
]


def ending(**more: Any) -> Ending:
    given: dict[str, Any] = {
        "minimum": 0,
        "confidence": Confidence(),
        "at_end": None,
        "always": False,
        "language": "en",
        "withheld": "Withheld.",
        "disclaimer": "Check it.",
        "policy": Policy(RULES).rules,
    }
    return Ending(**{**given, **more})


async def appended(decides: Ending, found: Found | None = None, **more: Any) -> str:
    answer = Answer(**{"characters": 5, "sources": SOURCES, **more})
    return "".join(event.text for event in await decides.end(found or Found(), answer) if isinstance(event, Text))


async def withheld(decides: Ending, found: Found | None = None, **more: Any) -> tuple[str, str]:
    with pytest.raises(Withheld) as refused:
        await appended(decides, found, **more)
    return refused.value.words, refused.value.kind


def reported(**more: Any) -> Found:
    return Found(Report(steps={"answer": StepReport()}), "answer", **more)


async def test_nothing_is_said_of_a_good_answer() -> None:
    assert await appended(ending(minimum=1)) == ""


async def test_a_page_counts_once() -> None:
    assert await withheld(ending(minimum=2)) == ("Withheld.", "sources")


async def test_an_answer_that_rests_on_forbidden_sources_alone_is_withheld() -> None:
    seen = Seen(removed={"https://docs.example/b"}, withheld=1)
    assert await withheld(ending(), Found(seen=seen), sources=[]) == ("Withheld.", "sources")
    assert await appended(ending(), Found(seen=seen)) == ""
    assert await appended(ending(), Found(seen=Seen()), sources=[]) == ""
    assert await appended(ending(), Found(seen=seen), sources=[], characters=0) == ""


async def test_what_has_left_is_disclaimed_instead() -> None:
    assert await appended(ending(minimum=2, at_end="disclaim")) == "\n\nCheck it."
    assert await withheld(ending(minimum=2, at_end="error")) == ("Withheld.", "sources")


@pytest.mark.parametrize(("first", "score", "uncertain"), [(None, 0.85, False), (300, 0.65, True), (0, 0.35, True)])
async def test_a_low_score_is_uncertain_and_every_score_is_told(
    first: int | None, score: float, uncertain: bool
) -> None:
    found = reported(phrases=RefusalPhrases())
    assert found.phrases is not None
    found.phrases.first = first
    decides = ending(confidence=Confidence(uncertain="disclaim", below=0.7))
    assert await appended(decides, found) == ("\n\nCheck it." if uncertain else "")
    assert found.report.steps["answer"].score == score


async def test_kapas_own_word_is_enough() -> None:
    decides = ending(confidence=Confidence(uncertain="withhold", below=0.1))
    assert await withheld(decides, reported(phrases=RefusalPhrases()), uncertain=True) == ("Withheld.", "uncertain")


async def test_each_text_is_appended_once() -> None:
    conditions = (
        Disclaim(),
        Disclaim(uncertain=True, message="Unsure."),
        Disclaim(message={"de": "Ja.", "en": "Yes."}),
    )
    found = reported(conditions=conditions, noted={"company_policy.legal"})
    assert await appended(ending(always=True), found) == "\n\nCheck it.\n\nYes.\n\nNo legal advice."
    assert found.report.steps["answer"].edits == {"company_policy.legal": 1}
    assert (
        await appended(ending(language="de"), Found(conditions=conditions), uncertain=True)
        == "\n\nCheck it.\n\nUnsure.\n\nJa."
    )


async def test_a_rule_of_the_company_withholds_with_its_own_words() -> None:
    found = reported(noted={"company_policy.plan"})
    assert await withheld(ending(language="de"), found) == ("Geheim.", "company_policy.plan")


async def test_an_answer_that_failed_is_left_alone() -> None:
    assert await appended(ending(always=True, minimum=9), failure="gone") == ""


async def test_a_silence_is_disclaimed_without_a_gap() -> None:
    assert await appended(ending(always=True), characters=0) == "Check it."
