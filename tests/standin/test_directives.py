from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.standin import directives
from kapagate.standin.directives import FaultError, Faults, parse_faults, take_directives


def test_takes_directives_out_of_the_text() -> None:
    text, faults = take_directives("[[pii]] How do [[latency=0.5]] I upgrade? [[status=503]]", Faults())
    assert text == "How do I upgrade?"
    assert faults == Faults(pii=True, latency=0.5, status=503)


def test_leaves_brackets_that_name_no_fault() -> None:
    assert take_directives("see [[wiki]] and [[a=b]]", Faults()) == ("see [[wiki]] and [[a=b]]", Faults())


def test_a_directive_wins_over_the_start() -> None:
    assert take_directives("[[cut=7]]x", Faults(cut=200, pii=True))[1] == Faults(cut=7, pii=True)


@pytest.mark.parametrize(
    "text", ["[[status=200]]", "[[status=soon]]", "[[status]]", "[[latency=-1]]", "[[latency=nan]]", "[[pii=1]]"]
)
def test_refuses_a_value_that_does_not_fit(text: str) -> None:
    with pytest.raises(FaultError, match="fault '"):
        take_directives(text, Faults())


def test_reads_the_same_names_from_a_mapping() -> None:
    assert parse_faults({"retry-after": 7, "no_sources": True}) == Faults(retry_after=7, no_sources=True)


@pytest.mark.parametrize("values", [{"nonsense": True}, {"cut": True}, {"pii": "yes"}, {"latency": None}])
def test_refuses_a_mapping_that_is_wrong(values: dict[str, object]) -> None:
    with pytest.raises(FaultError):
        parse_faults(values)


def test_the_table_names_every_fault() -> None:
    for name in Faults.__struct_fields__:
        assert f"`[[{name.replace('_', '-')}" in (directives.__doc__ or "")


@given(st.text().filter(lambda text: "[[" not in text))
def test_a_text_without_directives_is_untouched(text: str) -> None:
    assert take_directives(text, Faults()) == (text, Faults())
