from __future__ import annotations

import pytest

from kapagate.answer.events import Place
from kapagate.chain.route import METHODS, Routes, serves


@pytest.mark.parametrize(
    ("names", "covered"),
    [
        ({"chat"}, True),
        ({"route.chat"}, True),
        ({"crm", "chat"}, True),
        ({"crm"}, False),
        (set(), False),
        ({"*"}, False),
    ],
)
def test_a_route_is_meant_by_its_name_or_its_permission(lab, names: set[str], covered: bool) -> None:
    assert lab.route().covered_by(frozenset(names)) is covered


@pytest.mark.parametrize(
    ("methods", "method", "served"),
    [
        ({"GET"}, "GET", True),
        ({"GET"}, "HEAD", True),
        ({"HEAD"}, "GET", False),
        ({"POST"}, "HEAD", False),
        ((), "GET", False),
    ],
)
def test_get_means_head_too(lab, methods, method: str, served: bool) -> None:
    assert serves(methods, method) is served
    assert (method in lab.route(methods=frozenset(methods)).answers) is served


def test_two_routes_are_the_same_only_if_they_are_the_same_object(lab) -> None:
    assert len({lab.route(), lab.route()}) == 2


def test_methods_that_lead_elsewhere_are_not_known() -> None:
    assert METHODS.isdisjoint({"CONNECT", "TRACE"})


def test_routes_know_what_they_are_called_unless_some_are_unknown(lab) -> None:
    routes = Routes((lab.route(),))
    assert [routes.has(name) for name in ("chat", "route.chat", "crm", "")] == [True, True, False, False]
    assert Routes((lab.route(),), whole=False).has("crm")


def test_texts_stand_where_the_route_says_or_where_it_finds_them(lab) -> None:
    fixed, found = Place(("query",), "question"), Place(("b",), "question")
    assert tuple(lab.route(texts=(fixed,)).texts_of({"b": "x"})) == (fixed,)
    finding = lab.route(finds_texts=lambda document: [Place((key,), "question") for key in document])
    assert list(finding.texts_of({"b": "x"})) == [found]
