from __future__ import annotations

import pytest
import yarl

from kapagate.standin.call import Call
from kapagate.standin.directives import Faults
from kapagate.standin.errors import KapaError
from kapagate.standin.paging import Cursor, paged
from kapagate.standin.parameters import Parameters
from kapagate.standin.projects import Projects
from tests.standin.calls import URL

ITEMS = list(range(7))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 500])
def test_cursors_lead_through_everything_once_and_back(size: int) -> None:
    found, cursor, before = [], "", ""
    while True:
        query = {"page_size": str(size), "cursor": cursor}
        page, after, before_this = Cursor(Parameters(query)).cut(ITEMS)
        found += page
        assert (before_this is None) == (cursor == "")
        if after is None:
            break
        cursor, before = after, before_this or ""
    assert found == ITEMS
    if before:
        assert Cursor(Parameters({"page_size": str(size), "cursor": before})).cut(ITEMS)[0][-1] in ITEMS


@pytest.mark.parametrize("cursor", ["undefined", "bz14", "b24=", "é"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    parameters = Parameters({"cursor": cursor})
    Cursor(parameters)
    with pytest.raises(KapaError) as caught:
        parameters.check()
    assert caught.value.body == {"cursor": ["Invalid cursor."]}


def page(**query: str) -> dict[str, object]:
    call = Call(Projects({}, "s"), "k", {}, b"", "", Faults(), query, URL)
    return paged(call, Parameters(query), ITEMS)


def test_pages_link_absolutely_and_keep_the_other_parameters() -> None:
    first = page(page_size="3", search="x y")
    assert (first["count"], first["previous"], first["results"]) == (7, None, [0, 1, 2])
    link = yarl.URL(str(first["next"]))
    assert str(link.with_query(None)) == URL
    assert dict(link.query) == {"page_size": "3", "search": "x y", "page": "2"}
    last = page(**link.update_query(page="3").query)
    assert (last["next"], last["results"]) == (None, [6])
    assert yarl.URL(str(last["previous"])).query["page"] == "2"


def test_a_page_that_is_not_there_is_404_and_one_that_is_none_400() -> None:
    for number, status in (("9", 404), ("zero", 400), ("0", 400)):
        with pytest.raises(KapaError) as caught:
            page(page=number)
        assert caught.value.status == status
