from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kapagate.chain.problem import Problem
from kapagate.chain.route import Route, Surface
from kapagate.guards.reach import within_reach
from tests.exchanges import CRM
from tests.upstreams.asking import asks

QUESTION: frozenset[Surface] = frozenset({"question"})
ANSWER: frozenset[Surface] = frozenset({"answer text", "uncertainty"})


def route(*, shows: Any = (), hides: Any = (), choice: Any = "pass") -> Route:
    return replace(CRM, shows=frozenset(shows), hides=frozenset(hides), on_uninspectable=choice)


def test_one_surface_is_enough() -> None:
    ex = asks(route(shows=["answer text"], choice="refuse"))
    assert within_reach(ex, ANSWER)
    assert ex.verdicts == {}


@pytest.mark.parametrize(
    ("hides", "choice", "reason"),
    [([], "pass", "nothing_to_guard"), ([], "refuse", "nothing_to_guard"), (["answer text"], "pass", "uninspectable")],
)
def test_the_verdict_says_why_a_guard_is_passed_by(hides: list[str], choice: str, reason: str) -> None:
    ex = asks(route(hides=hides, choice=choice))
    ex.step = "guard"
    assert not within_reach(ex, ANSWER)
    assert (ex.verdicts["guard"].outcome, ex.verdicts["guard"].reason) == ("skipped", reason)


@pytest.mark.parametrize(("surfaces", "status"), [(QUESTION, 415), (ANSWER, 502)])
def test_refuse_refuses_what_is_hidden(surfaces: frozenset[Surface], status: int) -> None:
    ex = asks(route(hides=["question", "answer text"], choice="refuse"), b"opaque")
    with pytest.raises(Problem) as refused:
        within_reach(ex, surfaces)
    assert refused.value.kind.status == status


def test_a_request_without_a_body_hides_no_question() -> None:
    ex = asks(route(hides=["question"], choice="refuse"), method="GET")
    assert not within_reach(ex, QUESTION)
