"""Candidates that are longer than a guard looks or waits: decided the safe way, and counted, however they are cut."""

from __future__ import annotations

import pytest

from tests.filters.gateway import CARD, EMAIL
from tests.filters.test_chain import FORMS, answered, gateway_of

LINKS = "  - guard_answer: {pii: allow, sources: {deny: ['https://docs.example/internal/*']}, at_end: disclaim}\n"
MATCHED = r"{id: chant, patterns: ['(?:ha){3,}'], max_match: 12, message: '(chant)'}"
BOUNDS = {
    "a key": ("  - guard_answer: {}\n", f"Use ghp_{'aB3' * 3000} now.", "api_key"),
    "a password": ("  - guard_answer: {}\n", f"password: {'aB3-' * 150} now.", "secret"),
    "a login": ("  - guard_answer: {}\n", f"postgres://admin:{'aB3-' * 37}@db.example now.", "credentials"),
    "an address": ("  - guard_answer: {}\n", f"Ask {'abc' * 40}@mail.example now.", "email"),
    "a link": (LINKS, f"See https://docs.example/{'x/' * 1500} now.", "link"),
    "code": ("  - guard_answer: {pii: allow, code: remove}\n", f"Say `{'word ' * 100}` now.", "code"),
    "a rule of one's own": (
        f"  - guard_answer: {{pii: allow, company_policy: [{MATCHED}]}}\n",
        f"So {'ha' * 20} now.",
        "company_policy.chant",
    ),
    "a detector of one's own": (
        "  - guard_answer: {pii: allow, detectors: "
        r"{tape: {pattern: '\bT-\d+', max_match: 40, matches: ['T-1']}}}" + "\n",
        f"Take T-{'7' * 100} now.",
        "tape",
    ),
}


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
@pytest.mark.parametrize("name", BOUNDS)
async def test_a_candidate_that_reaches_its_bound_is_counted_the_same_however_it_is_cut(name: str, mode: str) -> None:
    chain, text, kind = BOUNDS[name]
    chain += f"    id: guard\n    mode: {mode}\n"
    text = f"First some words. {text} And more."
    told = []
    for form, size in [("json", len(text)), ("buffer", 50), ("window", len(text)), ("window", 7), ("window", 1000)]:
        gateway = gateway_of(chain, form)
        found = await answered(gateway, form, *(text[at : at + size] for at in range(0, len(text), size)))
        bounded = found.record["window"]["at_bound"], found.verdict("guard")["at_bound"]
        told.append(
            (found.text, found.verdict("guard").get("edits"), found.verdict("guard").get("would_edit"), *bounded)
        )
        assert gateway.series("kapagate_window_candidates_at_bound_total") == {
            '{step="guard"}': float(bounded[0]["guard"])
        }
    assert told.count(told[0]) == len(told)
    assert kind in told[0][4]
    assert told[0][3] == {"guard": sum(told[0][4].values())}
    if mode == "enforce":
        assert told[0][0] != text
        assert told[0][0].startswith("First some words. ")


@pytest.mark.parametrize("text", [f"Ask {EMAIL}.", f"Pay with {CARD}.", "See https://docs.example/internal/x.", "`x`"])
async def test_a_candidate_that_ends_before_its_bound_is_not_counted_there(text: str) -> None:
    chain = LINKS.replace("pii: allow", "pii: redact, code: remove") + "    id: guard\n"
    for form in FORMS:
        gateway = gateway_of(chain, form)
        told = await answered(gateway, form, "So. ", text)
        assert told.verdict("guard")["edits"]
        assert "at_bound" not in told.record["window"]
        assert "at_bound" not in told.verdict("guard")
        assert gateway.series("kapagate_window_candidates_at_bound_total") == {}
