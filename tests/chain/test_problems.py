from __future__ import annotations

import re
from http import HTTPStatus

import pytest

from kapagate.chain import problems
from kapagate.chain.problem import Kind

KINDS = {name: kind for name, kind in vars(problems).items() if isinstance(kind, Kind)}


def test_names_are_unique_and_stand_in_the_order_of_statuses() -> None:
    assert len({kind.name for kind in KINDS.values()}) == len(KINDS)
    statuses = [kind.status for kind in KINDS.values()]
    assert statuses == sorted(statuses)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_fit_for_a_url_and_an_error_status(name: str) -> None:
    kind = KINDS[name]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
    assert HTTPStatus(kind.status).value >= 400
    assert kind.title
    assert not kind.title.endswith(".")
