from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kapagate.chain.problem import Problem
from kapagate.chain.route import Route
from kapagate.chain.route_table import RouteTable
from kapagate.chain.template import Parameter, parse_template

LETTERS = ["a", "b"]
METHODS = ["GET", "HEAD", "POST"]
PATHS = ["/" + "/".join(parts) for n in range(1, 5) for parts in product(["a", "b", "c"], repeat=n)]
PATHS += [path + "/" for path in PATHS if path.count("/") < 4] + ["/"]


def route(template: str, *methods: str, name: str = "", opaque: bool = False) -> Route:
    name = name or f"{','.join(methods)} {template}"
    return Route(name, frozenset(methods or {"GET"}), template, "p", "o", opaque=opaque)


@st.composite
def templates(draw) -> str:
    parts = [draw(st.sampled_from([*LETTERS, "{}"])) for _ in range(draw(st.integers(0, 3)))]
    end = draw(st.sampled_from([None, "", "{:*}"]))
    parts += [] if end is None and parts else [end or ""]
    return "/" + "/".join(part.replace("{", f"{{p{position}") for position, part in enumerate(parts))


method_sets = st.sets(st.sampled_from(METHODS), min_size=1, max_size=2)
tables = st.lists(st.builds(lambda t, m: route(t, *sorted(m)), templates(), method_sets), max_size=5)


def naive(template: str, path: str) -> dict[str, str] | None:
    """The parameters, by walking template and path side by side."""
    parts, values = path[1:].split("/"), {}
    for segment in parse_template(template):
        if not parts:
            return None
        if isinstance(segment, Parameter) and segment.rest:
            return {**values, segment.name: "/".join(parts)}
        part = parts.pop(0)
        if isinstance(segment, str):
            if segment != part:
                return None
        elif not part:
            return None
        else:
            values[segment.name] = part
    return None if parts else values


def naive_matches(routes: list[Route], method: str, path: str) -> list[tuple[Route, dict[str, str]]]:
    takes = [r for r in routes if method in r.methods or (method == "HEAD" and "GET" in r.methods)]
    return [(r, found) for r in takes if (found := naive(r.template, path)) is not None]


@given(tables, st.sampled_from(METHODS), st.sampled_from(PATHS))
def test_a_match_is_what_a_naive_matcher_finds(routes: list[Route], method: str, path: str) -> None:
    found, params = RouteTable(routes).match(method, path)
    expected = naive_matches(routes, method, path)
    assert found.found is bool(expected)
    assert not expected or (found, params) in expected


@given(tables)
def test_ambiguities_are_the_pairs_that_some_request_matches_both(routes: list[Route]) -> None:
    found = {(id(one), id(other)) for one, other in RouteTable(routes).ambiguities()}
    brute = set()
    for method, path in product(METHODS, PATHS):
        both = [each for each, _ in naive_matches(routes, method, path)]
        brute |= {(id(one), id(other)) for i, one in enumerate(both) for other in both[i + 1 :]}
    assert found == brute


@given(tables, st.sampled_from(PATHS))
def test_without_ambiguities_one_route_at_most_matches(routes: list[Route], path: str) -> None:
    if not RouteTable(routes).ambiguities():
        assert all(len(naive_matches(routes, method, path)) <= 1 for method in METHODS)


@pytest.mark.parametrize(
    ("template", "path", "params"),
    [
        ("/chat", "/chat", {}),
        ("/", "/", {}),
        ("/crm/{rest:*}", "/crm/a/b/", {"rest": "a/b/"}),
        ("/crm/{rest:*}", "/crm/", {"rest": ""}),
        ("/v1/{project}/chat/", "/v1/p%20q/chat/", {"project": "p%20q"}),
        ("/{all:*}", "/x", {"all": "x"}),
    ],
)
def test_parameters_stay_as_they_stand_in_the_path(template: str, path: str, params: dict[str, str]) -> None:
    found, values = RouteTable([route(template)]).match("GET", path)
    assert (found.template, values) == (template, params)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/chat", "/chat/"),
        ("/chat/", "/chat"),
        ("/crm/{rest:*}", "/crm"),
        ("/{name}", "/"),
        ("/{name}/x", "//x"),
        ("/a/{name}", "/a"),
    ],
)
def test_a_slash_more_or_less_is_another_address(template: str, path: str) -> None:
    found, _ = RouteTable([route(template)]).match("GET", path)
    assert not found.found


def test_a_narrow_route_for_another_method_does_not_hide_a_wide_one() -> None:
    narrow, wide = route("/a/b", "POST"), route("/a/{rest:*}", "GET")
    table = RouteTable([narrow, wide])
    assert table.ambiguities() == []
    assert table.match("GET", "/a/b")[0] is wide
    assert table.match("POST", "/a/b")[0] is narrow


def test_a_route_is_found_under_its_aliases_as_well_and_is_the_same_one() -> None:
    one = replace(route("/chat/{id}/"), aliases=("/t/{tenant}/chat/{id}/",))
    table = RouteTable([one])
    assert table.ambiguities() == []
    assert table.match("GET", "/chat/7/") == (one, {"id": "7"})
    assert table.match("GET", "/t/acme/chat/7/") == (one, {"tenant": "acme", "id": "7"})
    assert not table.match("GET", "/t/chat/7/")[0].found


def test_an_alias_that_another_route_can_match_is_ambiguous() -> None:
    one, other = replace(route("/chat/"), aliases=("/t/{tenant}/chat/",)), route("/t/{rest:*}")
    assert RouteTable([one, other]).ambiguities() == [(one, other)]


async def refusal(table: RouteTable, method: str, path: str, lab) -> Problem:
    found, params = table.match(method, path)
    assert (found.found, found.name, found.template, params) == (False, "other", "other", {})
    with pytest.raises(Problem) as caught:
        await found.serve(lab.exchange())
    return caught.value


async def test_an_unknown_address_is_a_404(lab) -> None:
    problem = await refusal(RouteTable([route("/chat")]), "GET", "/elsewhere", lab)
    assert (problem.kind.status, problem.allow) == (404, ())
    assert "'/'" not in problem.detail


async def test_a_slash_that_is_missing_is_hinted_at(lab) -> None:
    problem = await refusal(RouteTable([route("/chat/", "POST")]), "GET", "/chat", lab)
    assert problem.kind.status == 404
    assert "ends in '/'" in problem.detail


async def test_another_method_is_a_405_with_those_that_are_answered(lab) -> None:
    table = RouteTable([route("/chat", "POST", "GET"), route("/{any}", "PUT")])
    problem = await refusal(table, "DELETE", "/chat", lab)
    assert (problem.kind.status, problem.allow) == (405, ("GET", "HEAD", "POST", "PUT"))


def test_refusals_are_few_however_many_addresses_are_tried() -> None:
    table = RouteTable([route("/chat", "POST"), route("/x/")])
    tried = {table.match(method, path)[0] for method in ("GET", "PUT") for path in (*PATHS, "/chat", "/x")}
    assert len(tried) == 3


def test_a_path_is_opaque_where_it_begins_as_an_opaque_route_does() -> None:
    table = RouteTable([route("/files/{rest:*}", opaque=True), route("/crm/{rest:*}")])
    assert table.opaque(b"/files/a//b") == "/files/a//b"
    assert table.opaque(b"/crm/a//b") is None
    assert table.opaque(b"/files") is None
    assert table.match("GET", "/files/a//b")[1] == {"rest": "a//b"}


@pytest.mark.parametrize(
    ("other", "ambiguous"),
    [
        (route("/files/x", "POST"), True),
        (route("/files/{rest:*}", "POST"), True),
        (route("/{one}/x", "POST"), True),
        (route("/files/x/{rest:*}", "POST", opaque=True), True),
        (route("/files/{rest:*}", "GET", opaque=True), True),
        (route("/files/{rest:*}", "POST", opaque=True), False),
        (route("/files", "GET"), False),
        (route("/other/{rest:*}", "GET", opaque=True), False),
    ],
)
def test_nobody_shares_the_paths_of_an_opaque_route(other: Route, ambiguous: bool) -> None:
    assert bool(RouteTable([route("/files/{rest:*}", "GET", opaque=True), other]).ambiguities()) is ambiguous
