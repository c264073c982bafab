"""Every example that editors show is what the loader takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from kapagate.access.roles import RoleDeclaration
from kapagate.chain.options import Options
from kapagate.chain.units import Duration
from kapagate.policy.annotations import models_in
from kapagate.policy.environment import EnvironmentDocument
from kapagate.policy.examples import example_of, examples_of
from kapagate.policy.exceptions import ExceptionDocument
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import Gateway, RouteDeclaration
from kapagate.policy.interpolation import Interpolation
from kapagate.policy.nodes import Mapping
from kapagate.policy.report import render_all
from kapagate.policy.source import Source
from kapagate.policy.steps import declare, validated_at
from kapagate.policy.syntax import parse
from kapagate.policy.table import Table
from kapagate.policy.tenant import Change, TenantDocument
from kapagate.policy.validation import Subject
from kapagate.policytest.declaration import PolicyTest

TABLE = Table()
DOCUMENTS = (Gateway, EnvironmentDocument, TenantDocument, ExceptionDocument, PolicyTest)
PARTS = (RouteDeclaration, RoleDeclaration, Change, Options)
FILES = {".yaml": "[]", ".json": '{"keys": []}'}


def declared() -> Iterator[type[BaseModel]]:
    yield from (*DOCUMENTS, *PARTS)
    yield from (TABLE.filter(name) for name in TABLE.filters)
    yield from (TABLE.scheme(name) for name in TABLE.schemes)
    yield from (TABLE.upstream(name) for name in TABLE.upstreams)


def below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for each in models_in(field.annotation):
            if not getattr(each, "__abstractmethods__", None):
                yield from below(each)


MODELS = list(dict.fromkeys(each for model in declared() for each in below(model)))


def resolve(kind: str, name: str, folder: Path) -> str:
    return "s" * 40 if kind == "env" else FILES.get(Path(name).suffix, "text")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_example_is_good_by_the_loader(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        for example in examples_of(model, name):
            value = {**(example_of(model) if any(f.is_required() for f in model.model_fields.values()) else {})}
            value[field.alias or name] = example
            problems = Diagnostics()
            [node] = parse(Source("example.json", json.dumps(value), Path(".")), problems)
            node = Interpolation(resolve, problems, {}).apply(node, Path("."))
            assert isinstance(node, Mapping)
            prepared = {}
            if model is Gateway and name == "admin_keys":
                prepared[name] = validated_at(TABLE.scheme("api_key"), node.entries[name], name, problems)
                node.entries.pop(name)
            assert declare(model, Subject(node, prepared=prepared), TABLE, problems), render_all(problems, {})
            assert render_all(problems, {}) == ""


class Inner(BaseModel):
    needed: Literal["a", "b"]
    wait: Duration = 2.0


class Outer(BaseModel):
    word: str = Field(examples=["zebra"])
    count: Annotated[int, Field(ge=3)]
    inner: Inner | None = None
    words: tuple[str, ...] = ()
    listed: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("name", "examples"),
    [
        ("word", ["zebra"]),
        ("count", [4]),
        ("inner", [{"needed": "a"}]),
        ("words", []),
        ("listed", [[{"needed": "a"}]]),
    ],
)
def test_what_a_field_does_not_declare_its_type_says(name: str, examples: list[Any]) -> None:
    assert examples_of(Outer, name) == examples


def test_units_are_in_examples_as_a_policy_has_them() -> None:
    assert examples_of(Inner, "wait") == ["2s", "30s"]
    assert example_of(Outer) == {"word": "zebra", "count": 4}
