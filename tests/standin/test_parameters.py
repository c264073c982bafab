from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kapagate.standin.errors import KapaError
from kapagate.standin.parameters import Parameters

UUID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def test_reads_what_is_there_and_defaults_what_is_not() -> None:
    said = Parameters({"n": "3", "f": "True", "w": "a,b", "u": UUID, "m": "2026-01-01T00:00:00Z", "c": "asc", "x": "?"})
    assert (said.integer("n", 5, 1), said.integer("none", 5, 2)) == (3, 2)
    assert (said.flag("f"), said.flag("none")) == (True, None)
    assert said.words("w", {"a", "b", "c"}) == {"a", "b"}
    assert (said.uuids("u"), said.uuids("none")) == ([UUID], [])
    assert said.moment("m") == datetime(2026, 1, 1, tzinfo=UTC)
    assert (said.choice("c", ("asc", "desc"), "desc"), said.choice("none", ("asc",), "asc")) == ("asc", "asc")
    said.check()


def test_complains_of_everything_at_once() -> None:
    said = Parameters({"n": "6", "f": "perhaps", "w": "z", "u": "me", "m": "2026-01-01T00:00:00", "c": "up"})
    said.integer("n", 5, 1)
    said.flag("f")
    said.words("w", {"a"})
    said.uuids("u")
    said.moment("m")
    said.choice("c", ("asc",), "asc")
    with pytest.raises(KapaError) as caught:
        said.check()
    assert caught.value.status == 400
    assert set(caught.value.body) == {"n", "f", "w", "u", "m", "c"}


@pytest.mark.parametrize("value", ["yesterday", "2026-01-01T00:00:00"])
def test_a_time_needs_its_zone(value: str) -> None:
    said = Parameters({"m": value})
    assert said.moment("m") is None
    with pytest.raises(KapaError):
        said.check()
