"""What pydantic finds is said in the policy's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from kapagate.chain.secret import Secret
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping
from kapagate.policy.validation import Subject, is_unresolved, place, salvage, validate

ReadNode = Callable[[str], Mapping]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["a", "b"] = "a"
    least: int = Field(1, ge=1, lt=10)


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=2, max_length=4)
    part: Part = Part()
    parts: tuple[Part, ...] = Field((), max_length=2)
    tags: tuple[Annotated[str, Field(pattern="^[a-z]+$")], ...] = Field(("x",), min_length=1)
    secret: Secret | None = None
    either: Literal["all", "none"] | tuple[Part, ...] | None = None
    table: dict[Annotated[str, Field(max_length=2)], int] = Field(default_factory=dict)


def faults(node: Mapping, **more: Any) -> list[str]:
    problems = Diagnostics()
    validate(Whole, Subject(node, **more), problems)
    return [
        f"{each.span.line}:{each.span.column} {each.code.name} {each.message}"
        + (f" [{each.suggestion}]" if each.suggestion else "")
        for each in problems
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("part: {}", ['1:1 KG210 "name" is missing']),
        ("nmae: abc", ['1:1 KG214 unknown field "nmae" [name]']),
        ("name: x", ["1:7 KG212 must have at least 2 characters"]),
        ("name: xxxxx", ["1:7 KG212 must have at most 4 characters"]),
        ("name: [a]", ["1:1 KG211 expected text, found a list"]),
        ("name:", ["1:1 KG211 expected text, found nothing"]),
        ("name: abc\npart: 3", ["2:7 KG211 expected a mapping, found 3"]),
        ("name: abc\npart: {kind: c}", ['2:14 KG213 expected "a" or "b", found "c"']),
        ("name: abc\npart: {least: 0}", ["2:15 KG212 must be at least 1"]),
        ("name: abc\npart: {least: 10}", ["2:15 KG212 must be less than 10"]),
        ("name: abc\npart: {least: 1.5}", ["2:15 KG211 expected a whole number, found 1.5"]),
        ("name: abc\npart: {tags: []}", ['2:8 KG215 "tags" belongs at the top of the document, not in part']),
        ("name: abc\nleast: 2", ['2:1 KG215 "least" belongs under part, not here']),
        ("name: abc\nparts: [{}, {}, {}]", ["2:1 KG212 must have at most 2 entries"]),
        ("name: abc\nparts: [{}, {knd: a}]", ['2:14 KG214 unknown field "knd" in parts[1] [kind]']),
        ("name: abc\ntags: []", ["2:1 KG212 must have at least 1 entry"]),
        ("name: abc\ntags: [A]", ["2:8 KG212 does not have the form ^[a-z]+$"]),
        (
            "name: abc\nsecret: abc",
            ["2:9 KG216 a secret must be exactly one reference, such as ${env:NAME} or ${file:PATH}"],
        ),
        ("name: abc\neither: al", ['2:9 KG213 expected "all" or "none" or a list, found "al" [all]']),
        ("name: abc\neither: [{kind: c}]", ['2:17 KG213 expected "a" or "b", found "c"']),
        ("name: abc\neither: {}", ['2:1 KG213 expected "all" or "none" or a list, found a mapping']),
        ("name: abc\ntable: {abc: 1}", ["2:9 KG212 must have at most 2 characters"]),
    ],
)
def test_each_kind_of_mistake_has_its_sentence(node: ReadNode, text: str, expected: list[str]) -> None:
    assert faults(node(text)) == expected


def test_messages_name_the_subject(node: ReadNode) -> None:
    assert faults(node("part: {}"), name="filter") == ['1:1 KG210 "name" is missing in filter']


def test_keys_of_another_level_are_sent_there(node: ReadNode) -> None:
    found = faults(node("name: abc\nid: x"), name="filter", elsewhere={"id": "beside filter"})
    assert found == ['2:1 KG215 "id" belongs beside filter, not in filter']


def test_a_good_value_becomes_its_model(node: ReadNode) -> None:
    problems = Diagnostics()
    made = validate(Whole, Subject(node("name: abc\nparts: [{kind: b}]")), problems)
    assert made is not None
    assert made.parts[0].kind == "b"
    assert len(problems) == 0


def test_what_is_wrong_can_be_left_out_of_the_model(node: ReadNode) -> None:
    problems = Diagnostics()
    made = salvage(Whole, Subject(node("name: abc\npart: 3\ntags: [a, b]")), problems)
    assert made is not None
    assert made.tags == ("a", "b")
    assert made.part == Part()
    assert problems.errors == 1


def test_nothing_more_is_said_about_a_reference_that_stands_for_nothing(node: ReadNode) -> None:
    tree = node("name: abc\nsecret: x")
    tree.entries["secret"].value.unresolved = True  # type: ignore[union-attr]  # a scalar, by the text above
    assert faults(tree) == []
    assert is_unresolved(tree)
    assert validate(Whole, Subject(tree), Diagnostics()) is None


def test_points_to_the_closest_place_above_what_is_not_in_the_file(node: ReadNode) -> None:
    tree = node("name: abc\npart: {kind: a}")
    assert str(place(tree, ("part", "least"))) == "test.yaml:2:1"
    assert str(place(tree, ("part", "kind"))) == "test.yaml:2:14"
    assert str(place(tree, ())) == "test.yaml:1:1"
