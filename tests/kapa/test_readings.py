from __future__ import annotations

import pytest

from kapagate.kapa.operation import Operation
from kapagate.kapa.readings import READINGS

CURSORS = {
    "threads",
    "top_question_periods",
    "top_question_clusters",
    "coverage_gap_periods",
    "coverage_gap_clusters",
}
PAGES = {"end_users", "sources", "source_groups"}


@pytest.mark.parametrize("operation", READINGS, ids=lambda each: each.name)
def test_what_is_read_can_be_guarded_and_is_asked_by_its_query(operation: Operation) -> None:
    assert operation.method == "GET"
    assert {"answer text", "sources"} <= operation.shows
    assert operation.codec is not None
    assert operation.permission == f"kapa.{operation.name}"
    assert not operation.route(False).hides


@pytest.mark.parametrize("operation", READINGS, ids=lambda each: each.name)
def test_lists_are_read_on_by_the_cursor_or_the_page_that_kapa_has(operation: Operation) -> None:
    assert ("cursor" in operation.fields) == (operation.name in CURSORS)
    assert ("page" in operation.fields) == operation.paged == (operation.name in PAGES)


@pytest.mark.parametrize("operation", READINGS, ids=lambda each: each.name)
def test_a_filter_by_integration_is_a_parameter(operation: Operation) -> None:
    assert operation.filtered in {"", *operation.fields}
