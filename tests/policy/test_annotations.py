"""What models say about their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, field_validator

from kapagate.chain.secret import Resolved
from kapagate.chain.units import Duration
from kapagate.policy.annotations import coerced, homes, model_at, names


class Inner(BaseModel):
    flag: bool = False
    depth: int | None = None


class Outer(BaseModel):
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    named: Mapping[str, Inner] = Field(default_factory=dict)
    count: int = 0
    ratio: float = 0
    wait: Duration = 0
    either: Literal["all"] | int = 0
    own: int = 0
    text: str = ""
    other: int = Field(0, alias="otherName")

    @field_validator("own", mode="before")
    @classmethod
    def _own(cls, value: Any) -> Any:
        return value


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"count": "1"}, [(("count",), "a whole number")]),
        ({"count": True}, [(("count",), "a whole number")]),
        ({"ratio": "1"}, [(("ratio",), "a number")]),
        ({"ratio": 1}, []),
        ({"inner": {"flag": "yes"}}, [(("inner", "flag"), "true or false")]),
        ({"inner": {"flag": 1}}, [(("inner", "flag"), "true or false")]),
        ({"inner": {"depth": None}}, []),
        ({"inner": {"depth": "2"}}, [(("inner", "depth"), "a whole number")]),
        ({"many": [{}, {"flag": "on"}]}, [(("many", 1, "flag"), "true or false")]),
        ({"named": {"x": {"flag": "on"}}}, [(("named", "x", "flag"), "true or false")]),
        ({"either": "2"}, [(("either",), "a whole number")]),
        ({"either": "all"}, []),
        ({"otherName": "2"}, [(("otherName",), "a whole number")]),
        ({"wait": "2s", "own": "2", "text": "2"}, []),
        ({"count": Resolved("1", "${env:N}"), "inner": {"flag": Resolved("true", "${env:N}")}}, []),
        ({"count": [1]}, []),
        ("no mapping", []),
    ],
)
def test_finds_what_pydantic_would_bend(raw: Any, expected: list[Any]) -> None:
    assert list(coerced(Outer, raw)) == expected


def test_knows_the_model_at_a_path() -> None:
    assert model_at(Outer, ()) is Outer
    assert model_at(Outer, ("inner",)) is Inner
    assert model_at(Outer, ("many", 3)) is Inner
    assert model_at(Outer, ("named", "anything")) is Inner
    assert model_at(Outer, ("count",)) is None
    assert "otherName" in names(Outer)


def test_knows_where_a_key_belongs() -> None:
    assert list(homes(Outer, "flag")) == [("inner",), ("many",), ("named",)]
    assert list(homes(Outer, "count")) == []
