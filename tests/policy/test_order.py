"""Two versions of one step, option by option."""

from __future__ import annotations

import pytest

from kapagate.chain.options import Options, When
from kapagate.filters.enrich import Enrich
from kapagate.filters.guard_answer import Confidence, GuardAnswer
from kapagate.filters.rate_limit import RateLimit
from kapagate.policy.order import compared, compared_options, reach


def test_options_are_compared_each_by_its_own_order() -> None:
    before = GuardAnswer(max_response_length=10, disclaimer="a")
    after = GuardAnswer(max_response_length=20, disclaimer="b", confidence=Confidence(uncertain="withhold"))
    found = {".".join(map(str, each.path)): each.label for each in compared(before, after)}
    assert found == {"max_response_length": "looser", "confidence.uncertain": "tighter", "disclaimer": "neutral"}


def test_an_option_without_an_order_is_unknown() -> None:
    before, after = (RateLimit.model_validate({"per": per, "limit": "60/min"}) for per in (["ip"], ["tenant"]))
    assert [each.label for each in compared(before, after)] == ["unknown"]


@pytest.mark.parametrize(
    ("before", "after", "label"),
    [
        (None, When(method=("GET",)), "looser"),
        (When(method=("GET",)), None, "tighter"),
        (When(method=("GET",)), When(method=("GET", "POST")), "tighter"),
        (When(method=("GET",)), When(method=("POST",)), "unknown"),
        (When(public=False), When(public=True), "unknown"),
        (When(method=("GET",)), When(method=("GET", "POST"), role=("viewer",)), "unknown"),
    ],
)
def test_a_step_for_fewer_requests_is_looser(before: When | None, after: When | None, label: str) -> None:
    assert reach(before, after) == label


@pytest.mark.parametrize(("filter_", "label"), [(GuardAnswer, "looser"), (Enrich, "unknown")])
def test_what_it_is_not_to_act_depends_on_the_filter(filter_: type[GuardAnswer] | type[Enrich], label: str) -> None:
    (found,) = compared_options(Options(), Options(mode="off"), filter_)
    assert (found.path, found.label) == (("mode",), label)


def test_an_id_is_no_option() -> None:
    assert list(compared_options(Options(id="a"), Options(id="b"), GuardAnswer)) == []
