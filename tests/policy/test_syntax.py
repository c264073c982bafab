"""YAML text becomes trees with places, safely and within bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping, Node, Scalar, Sequence, plain
from kapagate.policy.source import Source, admit
from kapagate.policy.syntax import parse


def read(text: str) -> tuple[list[Node], list[str]]:
    problems = Diagnostics()
    documents = parse(Source("x", text, Path(".")), problems)
    return documents, [f"{each.span.line}:{each.span.column} {each.code.name} {each.message}" for each in problems]


def test_every_value_and_key_has_its_place() -> None:
    [document], problems = read("é: [1, 'b c']\nd:\n  - {e: 😀x}\n")
    assert problems == []
    assert isinstance(document, Mapping)
    listed = document.get("é")
    assert isinstance(listed, Sequence)
    quoted = listed.items[1].span
    assert (quoted.line, quoted.column, quoted.end_column) == (1, 8, 13)
    [inner] = document.get("d").items  # type: ignore[union-attr]  # a list, by the text above
    assert isinstance(inner, Mapping)
    assert str(inner.key_span("e")) == "x:3:6"
    assert str(inner.entries["e"].value.span) == "x:3:9"


def test_documents_of_one_file_are_told_apart_and_empty_ones_left_out() -> None:
    documents, problems = read("a: 1\n---\n---\nb: 2\n...\n")
    assert [plain(document) for document in documents] == [{"a": 1}, {"b": 2}]
    assert problems == []


def test_an_alias_repeats_what_it_names() -> None:
    [document], problems = read("a: &x [1, 2]\nb: *x\n")
    assert plain(document) == {"a": [1, 2], "b": [1, 2]}
    assert problems == []


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 KG111 holds no document"),
        ("# only a comment\n", "1:1 KG111 holds no document"),
        ("a: 1\na: 2", '2:1 KG109 the key "a" stands twice'),
        ("{a: {b: 1, b: 2}}", '1:12 KG109 the key "b" stands twice'),
        ("<<: {a: 1}", "1:1 KG108 merge keys are not supported; write the fields out"),
        ("a: !!python/name:os.system x", '1:4 KG107 tags are not supported: "tag:yaml.org,2002:python/name:os.system"'),
        ("a: !local {}", '1:4 KG107 tags are not supported: "!local"'),
        ("1: a", '1:1 KG110 "1" is not a text; put the key in quotes'),
        ("true: a", '1:1 KG110 "true" is not a text; put the key in quotes'),
        ("? \n: a", "1:2 KG110 an empty key is not a text; put the key in quotes"),
        ("? [a]\n: b", "1:3 KG110 a list cannot be a key; a text that begins so needs quotes"),
        ("? {a: b}\n: b", "1:3 KG110 a mapping cannot be a key; a text that begins so needs quotes"),
        ("{{a}}: b", "1:1 KG110 a mapping cannot be a key; a text that begins so needs quotes"),
        ("a: *b", '1:4 KG104 no anchor "b" stands above'),
        ("a: &a [*a]", '1:8 KG106 the alias "a" stands inside of what it names'),
        ("a: &a {b: {c: *a}}", '1:15 KG106 the alias "a" stands inside of what it names'),
        ("a: " + "[" * 10_000, "1:67 KG105 values are nested deeper than 64 levels"),
        ("a:\n\tb: 1", "2:1 KG104 a tab cannot indent here; use spaces"),
        ("a: b: c", "1:5 KG104 a value cannot hold ': ' here: check the indentation, or quote the text"),
        ("a: 1\nbc\nd: 1", "2:1 KG104 a key stands here without ': ' after it"),
        ("a:\n  - b\n    c: d", "2:5 KG104 a key stands here without ': ' after it"),
        ("a: 1\nb\n\nc: 1", "2:1 KG104 a key stands here without ': ' after it"),
        ("x: 1\nc: 1: 2", "2:5 KG104 a value cannot hold ': ' here: check the indentation, or quote the text"),
        ("a: 'b", "1:4 KG104 a quote is opened here and never closed"),
        ("a: [1, 2\nb: 3", "1:4 KG104 the list that opens here lacks a comma or its closing ]"),
        ("a: {b: 1\nc: 3", "1:4 KG104 the mapping that opens here lacks a comma or its closing }"),
        ("a: [\n", "1:5 KG104 a value is missing here, or a bracket above is not closed"),
        ("a: @b", "1:4 KG104 a text that begins with @ needs quotes"),
        ('a: "\\q"', "1:5 KG104 this is no escape of double-quoted text; use single quotes or write \\\\"),
    ],
)
def test_each_trap_gives_one_clear_error_at_its_place(text: str, expected: str) -> None:
    assert read(text)[1] == [expected]


def test_aliases_do_not_multiply_without_bound() -> None:
    [problem] = read(BOMB)[1]
    assert problem.split(" ")[1] == "KG106"
    [problem] = read("a: &a x\nb: [" + "*a, " * 1_001 + "]")[1]
    assert problem.endswith("there are more than 1000 aliases")


def test_aliases_do_not_nest_deeper_than_values_may() -> None:
    text = "a: &a " + "[" * 40 + "]" * 40 + "\nb: &b [*a]\nc: " + "[" * 30 + "*b" + "]" * 30
    assert read(text)[1] == ["3:34 KG105 this alias nests values deeper than 64 levels"]


def test_a_file_of_too_many_values_is_refused() -> None:
    assert "KG102" in read("[" + "1," * 250_001 + "]")[1][0]


def test_what_stands_before_a_fault_is_kept() -> None:
    documents, problems = read("a: 1\n---\nb: [\n")
    assert [plain(document) for document in documents] == [{"a": 1}]
    assert len(problems) == 1


def test_all_faults_that_leave_a_tree_are_found() -> None:
    assert len(read("a: !x 1\na: 2\n1: 3\n<<: {}\n")[1]) == 4


@given(st.text(alphabet=st.sampled_from("ab1:-? {}[],&*!|>'\"#%@`\n\t\\<~."), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    problems = Diagnostics()
    source = admit(Source("x", text, Path(".")), problems)
    documents = parse(source, problems) if source else []
    assert documents or len(problems) > 0
    for each in problems:
        assert 1 <= each.span.line <= text.count("\n") + 1


@given(
    st.recursive(
        st.text(st.characters(exclude_characters="\x85\u2028\u2029"), max_size=5)
        | st.integers(-99, 99)
        | st.booleans(),
        lambda below: st.lists(below, max_size=4),
    )
)
def test_json_is_read_as_it_is_meant(value: object) -> None:
    text = json.dumps({"value": value}, ensure_ascii=False)
    if admit(Source("x", text, Path(".")), Diagnostics()):
        [document], problems = read(text)
        assert problems == []
        assert plain(document) == json.loads(text)


def test_quoted_scalars_are_text() -> None:
    [document], _ = read("a: '1'\nb: \"true\"\nc: |\n  12\n")
    assert plain(document) == {"a": "1", "b": "true", "c": "12\n"}
    assert isinstance(document, Mapping)
    assert isinstance(document.get("a"), Scalar)
