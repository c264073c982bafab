from __future__ import annotations

import pytest

from kapagate.standin import analysis, conversations
from kapagate.standin.call import Operation
from kapagate.standin.specimens import SPECIMENS
from tests.standin.calls import Kapa

PAIRS = [
    (analysis.top_question_periods, analysis.top_question_clusters),
    (analysis.coverage_gap_periods, analysis.coverage_gap_clusters),
]


@pytest.mark.parametrize(("periods", "clusters"), PAIRS)
@pytest.mark.parametrize("interval", ["weekly", "monthly", "quarterly"])
def test_every_period_has_clusters_of_threads_that_are_there(
    periods: Operation, clusters: Operation, interval: str
) -> None:
    kapa = Kapa()
    page = kapa.ask(periods, {"interval": interval, "page_size": "2"})
    rest = kapa.ask(periods, {"interval": interval, "cursor": page["next_cursor"], "page_size": "500"})
    assert (len(page["periods"]), rest["next_cursor"]) == (2, None)
    for period in page["periods"] + rest["periods"]:
        found = kapa.ask(clusters, {"page_size": "500"}, period_id=period["id"])
        assert found["period"] == period
        assert len(found["clusters"]) == found["total_clusters"]
        for each in found["clusters"]:
            thread = kapa.ask(conversations.thread, thread_id=each["threads"][0]["id"])
            assert thread["question_answers"][0]["question"] == each["threads"][0]["initial_question"]


@pytest.mark.parametrize(("periods", "clusters"), PAIRS)
def test_periods_belong_to_a_project_and_to_one_kind(periods: Operation, clusters: Operation) -> None:
    kapa = Kapa()
    period = kapa.ask(periods)["periods"][0]["id"]
    assert kapa.refusal(clusters, key="k2", period_id=period)[0] == 404
    other = next(each for _, each in PAIRS if each is not clusters)
    assert kapa.refusal(other, period_id=period)[0] == 404


def test_only_gaps_have_suggestions_and_both_quote_what_people_said() -> None:
    kapa = Kapa()
    for periods, clusters in PAIRS:
        period = kapa.ask(periods)["periods"][0]["id"]
        found = kapa.ask(clusters, {"page_size": "500"}, period_id=period)["clusters"]
        assert all(("suggestion" in each) == (clusters is analysis.coverage_gap_clusters) for each in found)
        assert any(SPECIMENS["iban"] in each["summary"] for each in found)
