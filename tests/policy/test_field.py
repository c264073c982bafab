"""Fields by what they are called: documentation, default, order, examples."""

from __future__ import annotations

import pytest

from kapagate.policy.field import FieldTold, fields_told, home_of, introduction
from kapagate.policy.table import Table

TABLE = Table()
IDS = {"answer": "guard_answer", "ask": "guard_question"}


def told(said: str) -> list[FieldTold]:
    return list(fields_told(home_of(said, TABLE, IDS)))


def test_a_field_is_told_with_those_within_it() -> None:
    whole, *within = told("guard_answer.confidence")
    uncertain = next(each for each in within if each.name.endswith(".uncertain"))
    assert (whole.name, whole.parts, whole.order) == ("guard_answer.confidence", True, "")
    assert uncertain.name == "guard_answer.confidence.uncertain"
    assert uncertain.default == "`allow`"
    assert uncertain.order == "from loose to tight: allow, disclaim, withhold"
    assert uncertain.examples == ("allow", "disclaim", "withhold")
    assert "disclaimer" in uncertain.description


@pytest.mark.parametrize(
    ("said", "kind", "name", "path"),
    [
        ("answer.max_response_length", "filter", "guard_answer", ("max_response_length",)),
        ("guard_answer.sources.min", "filter", "guard_answer", ("sources", "min")),
        ("rbac.mode", "filter", "rbac", ("mode",)),
        ("jwt.claims.tenant", "scheme", "jwt", ("claims", "tenant")),
        ("kapa.stream", "upstream", "kapa", ("stream",)),
        ("listen.limits.body", "gateway", "", ("listen", "limits", "body")),
        ("route.match", "part", "route", ("match",)),
        ("Tenant.display_name", "part", "Tenant", ("display_name",)),
    ],
)
def test_a_field_is_called_by_what_it_stands_in(said: str, kind: str, name: str, path: tuple[str, ...]) -> None:
    home = home_of(said, TABLE, IDS)
    assert (home.kind, home.name, home.path) == (kind, name, path)
    assert told(said)[-1].description


def test_common_options_stand_beside_the_filter() -> None:
    assert home_of("guard_answer.mode", TABLE, IDS).common
    assert told("guard_answer.mode")[0].order == "from loose to tight: off, shadow, enforce"


def test_without_a_field_the_whole_filter_is_told() -> None:
    home = home_of("guard_answer", TABLE, IDS)
    assert introduction(home).startswith("Guards what is said")
    names = {each.name for each in fields_told(home)}
    assert {"guard_answer.pii", "guard_answer.sources.min", "guard_answer.sources.deny[].title"} <= names


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("guard_anwser.confidence", "guard_answer.confidence"),
        ("guard_answer.confidense", "guard_answer.confidence"),
        ("anwser.pii", "answer.pii"),
        ("guard_answer.confidence.uncertian", "guard_answer.confidence.uncertain"),
        ("listen.limits.boddy", "listen.limits.body"),
    ],
)
def test_a_misspelt_field_gets_the_one_that_was_meant(said: str, meant: str) -> None:
    with pytest.raises(LookupError, match=f'no field "{said}"; did you mean "{meant}"'):
        home_of(said, TABLE, IDS)


def test_what_goes_below_a_plain_value_is_no_field() -> None:
    with pytest.raises(LookupError, match=r'no field "guard_answer\.max_response_length\.x"$'):
        home_of("guard_answer.max_response_length.x", TABLE, IDS)
