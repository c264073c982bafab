"""The table of what can be enforced where: complete, and the loader's own word."""

from __future__ import annotations

from typing import Any

import pytest

from kapagate.answer.events import Place
from kapagate.chain.route import Route
from kapagate.filters.guard_answer import GuardAnswer
from kapagate.filters.guard_question import GuardQuestion
from kapagate.policy.enforceability import ACTIONS, SERVED, Action, cases, cell

WORDS = {"cut_notice", "disclaimer", "withheld"}
EXCEPTIONS = {"pii_allowed"}
BY_NAME = {(each.guard, each.name): each for each in ACTIONS}


def action(guard: str, name: str) -> Action:
    return BY_NAME[guard, name]


def test_every_operation_stands_there_in_every_form_of_its_answers() -> None:
    found = {(case.operation, case.form) for case in cases()}
    for name, operation in SERVED.items():
        assert {form for each, form in found if each == name} == (
            {"window", "buffer"} if operation.streams else {"json"}
        )
    assert {form for each, form in found if each not in SERVED} == {"json", "sse", "sse buffer", "opaque"}


@pytest.mark.parametrize("model", [GuardQuestion, GuardAnswer])
def test_every_option_of_a_guard_is_asked_for(model: type[GuardQuestion] | type[GuardAnswer]) -> None:
    guard = "guard_question" if model is GuardQuestion else "guard_answer"
    asked = {option for each in ACTIONS if each.guard == guard for option in each.options}
    assert asked <= set(model.model_fields)
    assert set(model.model_fields) - asked <= WORDS | EXCEPTIONS


def test_no_action_asks_for_what_another_one_does() -> None:
    assert len(BY_NAME) == len(ACTIONS)
    assert len({str(each.options) + each.guard for each in ACTIONS}) == len(ACTIONS)


def route(**more: Any) -> Route:
    return Route("r", frozenset({"POST"}), "/r", "route.r", "r", texts=(Place(("query",), "question"),), **more)


def test_a_cell_is_what_fits() -> None:
    length = action("guard_answer", "max_response_length").placed()
    running = frozenset({"running text"})
    assert cell(length, route(shows=running)).outcome == "enforced"
    assert cell(length, route()).outcome == "nothing to guard"
    assert cell(length, route(hides=running, on_uninspectable="pass")).outcome == "skipped"
    refused = cell(length, route(hides=running))
    assert refused.outcome == "refused"
    assert "`running_text: [...]`" in refused.why


def test_what_needs_several_surfaces_has_nothing_to_guard_where_one_is_absent() -> None:
    minimum = action("guard_answer", "sources.min").placed()
    shown = frozenset({"answer text", "running text"})
    assert cell(minimum, route(shows=shown, hides=frozenset({"whole answer"}))).outcome == "nothing to guard"
    assert cell(minimum, route(shows=shown | {"sources"}, hides=frozenset({"whole answer"}))).outcome == "refused"
