"""What a declaration raises becomes a problem at the place that it blames."""

from __future__ import annotations

import pytest

from kapagate.chain.filter import Contradicted, Invalid
from kapagate.chain.services import Services
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.policy.finding import Diagnostic, Diagnostics
from kapagate.policy.invalid import Known, attempt
from kapagate.policy.position import Span

ORIGIN, FIELD = Span("a", 1, 1), Span("a", 2, 5)
KNOWN = Known(roles=("viewer", "admin"), permissions=("kapa.chat",), tenants=("acme",), routes=("crm",))


def raised(cause: Exception) -> Diagnostic:
    problems = Diagnostics()

    def make() -> None:
        raise cause

    assert attempt(make, ORIGIN, lambda path: FIELD, KNOWN, problems) is None
    [problem] = problems
    return problem


def test_what_is_made_is_handed_on() -> None:
    assert attempt(lambda: 3, ORIGIN, lambda path: FIELD, KNOWN, Diagnostics()) == 3


def test_a_blamed_field_is_pointed_at_and_else_the_name() -> None:
    assert raised(Invalid("too much", ("limit",))).span == FIELD
    assert raised(Invalid("too much")).span == ORIGIN


def test_an_example_that_does_not_hold_has_a_code_of_its_own() -> None:
    problem = raised(Contradicted("the detector staff finds nothing in it, and should", ("detectors", "staff")))
    assert (problem.code.name, problem.span) == ("KG319", FIELD)


def test_names_that_do_not_exist_get_the_closest_that_does() -> None:
    problem = raised(Invalid("there is no role 'vewer'", ("roles", 0)))
    assert (problem.code.name, problem.message, problem.suggestion) == ("KG305", 'there is no role "vewer"', "viewer")
    assert raised(Invalid("there is no tenant 'acm'")).suggestion == "acme"
    assert raised(Invalid("there is no route or operation 'crn'")).suggestion == "crm"
    assert raised(Invalid("there is no route or operation 'crn'")).code.name == "KG307"


def test_a_port_that_is_missing_says_what_to_declare() -> None:
    with pytest.raises(LookupError) as caught:
        Services({})[Pseudonyms]
    assert raised(caught.value).message == "this makes pseudonyms of persons, and the policy has no key for them"
    assert raised(caught.value).note == "declare `pseudonyms: {key: ...}` in the Gateway document"


def test_a_bug_in_a_declaration_shows_its_kind_and_nothing_else() -> None:
    assert raised(ZeroDivisionError("a secret")).message == "this fails while it is loaded (ZeroDivisionError)"
