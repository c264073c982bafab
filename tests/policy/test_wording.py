from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo

from kapagate.chain.secret import Secret
from kapagate.chain.units import Duration, Size, duration, size
from kapagate.policy.gateway import DataListener, Gateway, Limits, Listener
from kapagate.policy.wording import default_of, models_within, type_of, with_unit
from kapagate.traffic.rate import Rates


class Inner(BaseModel):
    word: str = "x"


class Sample(BaseModel):
    text: str = Field("", max_length=200)
    some: str | None = Field(None, min_length=1)
    number: int = Field(3, ge=1, le=9)
    truth: bool = False
    wait: Annotated[Duration, Field(gt=0)] = 2.5
    weight: Size = 32 << 10
    speed: Rates
    key: Secret
    header: Annotated[Secret, BeforeValidator(lambda value: value)]
    at: Listener | None = None
    at_any: DataListener | None = None
    one_of: Literal["a", "b", "c"] = "a"
    words: tuple[str, ...] = Field((), min_length=1)
    either: Literal["all"] | tuple[str, ...] | None = None
    inner: Inner = Inner()
    inners: tuple[Inner, ...] = ()
    named: dict[str, Inner] = Field({}, max_length=32)
    anything: dict[str, Any] | None = None


@pytest.fixture
def fields() -> dict[str, FieldInfo]:
    return Sample.model_fields


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", "text, at most 200 characters"),
        ("some", "text, not empty"),
        ("number", "whole number, at least 1, at most 9"),
        ("truth", "true or false"),
        ("wait", "duration, more than 0s"),
        ("weight", "size"),
        ("speed", "rate, or list of rates"),
        ("key", "secret"),
        ("header", "text or secret"),
        ("at", "HOST:PORT"),
        ("at_any", "HOST:PORT or unix:PATH"),
        ("one_of", "`a`, `b` or `c`"),
        ("words", "list of texts, not empty"),
        ("either", "`all` or list of texts"),
        ("inner", "mapping"),
        ("inners", "list of mappings"),
        ("named", "mapping of names to mappings, at most 32 entries"),
        ("anything", "mapping"),
    ],
)
def test_says_types_as_a_policy_author_does(fields: dict[str, FieldInfo], name: str, said: str) -> None:
    assert type_of(fields[name]) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("speed", "required"),
        ("text", ""),
        ("some", ""),
        ("inner", ""),
        ("number", "`3`"),
        ("truth", "`false`"),
        ("wait", "`2.5s`"),
        ("weight", "`32KiB`"),
        ("one_of", "`a`"),
    ],
)
def test_says_defaults_as_yaml_has_them(fields: dict[str, FieldInfo], name: str, said: str) -> None:
    assert default_of(fields[name]) == said


def test_says_addresses_lists_and_state_as_yaml_has_them() -> None:
    assert default_of(Gateway.model_fields["state"]) == "`memory`"
    assert default_of(Gateway.model_fields["tenant_secrets"]).startswith("`env:KG_{tenant}_*, file:")
    assert default_of(Limits.model_fields["connections"]) == "`4096`"


@pytest.mark.parametrize(
    ("value", "reading", "said"),
    [
        (0.0, duration, "0s"),
        (0.25, duration, "0.25s"),
        (90.0, duration, "90s"),
        (0, size, "0B"),
        (1 << 20, size, "1MiB"),
        (1500, size, "1500B"),
        (0.5, None, "0.5"),
        (4096, None, "4096"),
    ],
)
def test_gives_numbers_their_units(value: float, reading: Any, said: str) -> None:
    assert with_unit(value, reading) == said


@pytest.mark.parametrize(("name", "suffix"), [("inner", ""), ("inners", "[]"), ("named", ".<name>")])
def test_finds_the_models_within_a_field(fields: dict[str, FieldInfo], name: str, suffix: str) -> None:
    assert list(models_within(fields[name])) == [(Inner, suffix)]


def test_finds_no_model_in_a_scalar(fields: dict[str, FieldInfo]) -> None:
    assert [model for name in ("text", "either", "key") for model in models_within(fields[name])] == []


class Shorthand(BaseModel):
    """May be written as its one word."""

    model_config = ConfigDict(title="source")

    word: str

    def __str__(self) -> str:
        return self.word


class Titled(BaseModel):
    one: Shorthand = Shorthand(word="here")
    many: dict[str, Shorthand] = {"a": Shorthand(word="there")}
    none: Shorthand | None = None


def test_a_model_with_a_title_is_told_by_it_and_not_looked_into() -> None:
    fields = Titled.model_fields
    assert [type_of(fields[name]) for name in fields] == ["source", "mapping of names to sources", "source"]
    assert [default_of(fields[name]) for name in fields] == ["`here`", "`{a: there}`", ""]
    assert [model for field in fields.values() for model in models_within(field)] == []
