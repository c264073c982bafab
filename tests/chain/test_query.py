from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.problem import Problem
from kapagate.chain.query import parameters_of

VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.dictionaries(VALUES, VALUES, max_size=8))
def test_what_a_query_says_is_the_document(said: dict[str, str]) -> None:
    assert parameters_of(urlencode(said)) == said


def test_parameters_without_a_value_are_left_out() -> None:
    assert parameters_of("") == {}
    assert parameters_of("cursor=&page=2&flag") == {"page": "2"}


@pytest.mark.parametrize("query", ["page=1&page=2", "a=1&%61=2", "a=&a=1", "a=%FF", "a=%C0%AF", "a=1&" * 65])
def test_what_can_be_read_in_two_ways_is_refused(query: str) -> None:
    with pytest.raises(Problem) as refused:
        parameters_of(query)
    assert refused.value.kind.name == "malformed-request"
