from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.kapa import parameters
from kapagate.kapa.fields import Shape

ONE, OTHER = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "A0000000-0000-4000-8000-00000000000B"
INCLUDE = parameters.words("feedback", "end_user")


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (parameters.cursor, "cD0yMDI2LTEx+/=_-.~:"),
        (parameters.number, "500"),
        (parameters.ordering, "-latest_activity_at"),
        (parameters.moment, "2026-01-31"),
        (parameters.moment, "2026-01-31T12:00:00Z"),
        (parameters.moment, "2026-01-31T12:00:00.123456+02:00"),
        (parameters.flag, "true"),
        (parameters.search, "ann@d.example"),
        (parameters.uuids, f"{ONE},{OTHER}"),
        (parameters.uuid_or_null, ONE),
        (parameters.uuid_or_null, "null"),
        (INCLUDE, "feedback,end_user"),
    ],
)
def test_what_is_as_its_name_says_passes(shape: Shape, value: str) -> None:
    assert shape(value) == value


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (parameters.cursor, "my card is 4111"),
        (parameters.cursor, "x" * 1025),
        (parameters.cursor, "undefined\n"),
        (parameters.number, "-1"),
        (parameters.number, "²"),
        (parameters.number, "1" * 10),
        (parameters.ordering, "a b"),
        (parameters.ordering, "--a"),
        (parameters.moment, "yesterday"),
        (parameters.moment, "2026-01-31T12:00:00Z; x"),
        (parameters.flag, "1"),
        (parameters.search, "x" * 201),
        (parameters.uuids, f"{ONE},"),
        (parameters.uuids, "me"),
        (parameters.uuid_or_null, "none"),
        (INCLUDE, "feedback,secrets"),
    ],
)
def test_what_is_not_is_refused_with_the_rest_of_a_sentence(shape: Shape, value: str) -> None:
    with pytest.raises(ValueError, match="must"):
        shape(value)


def test_a_plus_that_came_as_a_blank_is_one_again() -> None:
    assert parameters.moment("2026-01-31T12:00:00 02:00") == "2026-01-31T12:00:00+02:00"
    assert parameters.moment("2026-01-31 12:00:00") == "2026-01-31 12:00:00"


def test_flags_are_written_in_one_way() -> None:
    assert parameters.flag("True") == "true"


@given(st.sampled_from([parameters.cursor, parameters.number, parameters.moment, parameters.uuids]), st.text())
def test_no_sentence_passes_where_no_text_belongs(shape: Shape, before: str) -> None:
    with pytest.raises(ValueError, match="must"):
        shape(f"{before} I am ann@d.example")
