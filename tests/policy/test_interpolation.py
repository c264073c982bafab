"""References are replaced by what they stand for, at their place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kapagate.chain.secret import Resolved
from kapagate.policy.finding import Diagnostics
from kapagate.policy.interpolation import Interpolation
from kapagate.policy.nodes import Mapping, Node, plain
from kapagate.policy.source import Source

VALUES = {
    "env:A": "alpha",
    "env:N": "60",
    "env:EMPTY": "",
    "env:NESTED": "${env:A}",
    "file:secret": "s3\n",
    "file:keys.yaml": "- {id: 1, of: '${env:A}'}\n- {id: 2}\n",
    "file:keys.json": '{"a": [1, "${env:N}"]}',
    "file:loop.yaml": "a: ${file:loop.yaml}",
    "file:two.yaml": "a\n---\nb\n",
    "file:bad.yaml": "a: [",
    "file:nul.yaml": "a: \0",
    "file:in.yaml": "${file:keys.json}",
}


def resolve(kind: str, name: str, folder: Path) -> str:
    try:
        return VALUES[f"{kind}:{name}"]
    except KeyError:
        raise LookupError(f"{name} is not there") from None


Apply = Callable[..., tuple[Node, list[str], dict[str, Source]]]


@pytest.fixture
def apply(node: Callable[[str], Mapping]) -> Apply:
    def apply(text: str, **more: Any) -> tuple[Node, list[str], dict[str, Source]]:
        problems, sources = Diagnostics(), dict[str, Source]()
        found = Interpolation(resolve, problems, sources).apply(node(text), Path("."), **more)
        return found, [f"{each.span} {each.code.name}" for each in problems], sources

    return apply


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:A}", "alpha"),
        ("'${env:N}/min'", "60/min"),
        ("x${env:A}y${env:N}z", "xalphay60z"),
        ("$${env:A}", "${env:A}"),
        ("a$${b}${env:A}", "a${b}alpha"),
        ("${env:EMPTY}", ""),
        ("${env:NESTED}", "${env:A}"),
        ("${file:secret}", "s3"),
        ("${file:keys.yaml}", [{"id": 1, "of": "alpha"}, {"id": 2}]),
        ("'${file:in.yaml}'", {"a": [1, "60"]}),
        ("cost $5 {x}", "cost $5 {x}"),
    ],
)
def test_references_stand_for_text_or_for_what_a_file_holds(apply: Apply, text: str, value: object) -> None:
    found, problems, _ = apply(f"key: {text}")
    assert problems == []
    assert plain(found) == {"key": value}


def test_exactly_one_reference_is_resolved_and_remembers_what_the_file_says(apply: Apply) -> None:
    value = plain(apply("key: ${env:N}")[0])["key"]
    assert isinstance(value, Resolved)
    assert value.reference == "${env:N}"
    assert not isinstance(plain(apply("key: ${env:N}0")[0])["key"], Resolved)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: ${env:B}", "test.yaml:1:4 KG403"),
        ("a: 'x${env:B}'", "test.yaml:1:6 KG403"),
        ("a: x${env:A}${env:B}", "test.yaml:1:13 KG403"),
        ("a: ${vault:B}", "test.yaml:1:4 KG402"),
        ("a: ${env:B C}", "test.yaml:1:4 KG401"),
        ("a: ${env}", "test.yaml:1:4 KG401"),
        ("a: 'x ${'", "test.yaml:1:7 KG401"),
        ("a: ${env:}", "test.yaml:1:4 KG401"),
        ("a: ${file:absent.yaml}", "test.yaml:1:4 KG403"),
        ("a: ${file:bad.yaml}", "bad.yaml:1:5 KG104"),
        ("a: ${file:nul.yaml}", "nul.yaml:1:4 KG103"),
        ("a: ${file:two.yaml}", "two.yaml:3:1 KG405"),
        ("a: ${file:loop.yaml}", "loop.yaml:1:4 KG405"),
    ],
)
def test_what_cannot_be_resolved_is_an_error_at_its_place(apply: Apply, text: str, problem: str) -> None:
    assert apply(text)[1] == [problem]


def test_values_of_files_keep_their_places_there_and_are_not_quoted(apply: Apply) -> None:
    found, _, sources = apply("a: ${file:keys.json}")
    assert isinstance(found, Mapping)
    inner = found.get("a")
    assert isinstance(inner, Mapping)
    assert str(inner.key_span("a")) == "keys.json:1:2"
    assert not sources["keys.json"].shown


def test_a_reference_out_of_scope_is_not_resolved(apply: Apply) -> None:
    found, problems, _ = apply("a: ${env:A}\nb: ${file:keys.json}", in_scope=lambda kind, name, folder: "not yours")
    assert problems == ["test.yaml:1:4 KG404", "test.yaml:2:4 KG404"]
    assert plain(found) == {"a": "${env:A}", "b": "${file:keys.json}"}


def test_scope_holds_within_files_that_references_stand_for(apply: Apply) -> None:
    scope = {"file:keys.json"}
    problems = apply(
        "b: ${file:keys.json}", in_scope=lambda kind, name, folder: f"{kind}:{name}" not in scope and "no"
    )[1]
    assert problems == ["keys.json:1:12 KG404"]


def test_keys_are_never_interpolated(apply: Apply) -> None:
    assert plain(apply("${env:A}: 1")[0]) == {"${env:A}": 1}


@pytest.mark.parametrize("text", ["{env:A}", "$env:A}", "$e{nv:A}", "a {file:/run/x}", "$nv{env:A}"])
def test_what_is_a_character_away_from_a_reference_is_refused(apply: Apply, text: str) -> None:
    assert apply(f'a: "{text}"')[1][0].endswith("KG401")


def test_a_brace_alone_is_no_reference(apply: Apply) -> None:
    assert apply('a: "/crm/{rest:*} {id}.{body} $5:30 {x: 1}"')[1] == []
