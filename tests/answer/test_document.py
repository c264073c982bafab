from __future__ import annotations

import json
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.document import (
    KEY,
    DuplicateKey,
    NotJson,
    TooDeep,
    Unacceptable,
    UnsafeNumber,
    keys_in,
    replaced_all,
    replaced_at,
    strict_loads,
    strings_in,
    value_at,
)
from kapagate.answer.events import Path

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=20,
)


@given(documents, st.booleans())
def test_reads_what_json_says(document: Any, ascii_only: bool) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert strict_loads(raw) == document


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b'{"a":1,"a":1}', DuplicateKey),
        (b'{"b":{"a":1,"\\u0061":2}}', DuplicateKey),
        (b'"\xff"', NotJson),
        (b'"\xed\xa0\x80"', NotJson),
        (b"\xef\xbb\xbf{}", NotJson),
        (b"\xff\xfe{\x00}\x00", NotJson),
        (b'"\\ud800"', NotJson),
        (b"", NotJson),
        (b"{} {}", NotJson),
        (b"{'a':1}", NotJson),
        (b'"\n"', NotJson),
        (b"NaN", NotJson),
        (b"[-Infinity]", NotJson),
        (b"1e999", UnsafeNumber),
        (b"18446744073709551616", UnsafeNumber),
        (b"-9223372036854775809", UnsafeNumber),
        (b"1" * 10_000, UnsafeNumber),
        (b"[" * 65 + b"]" * 65, TooDeep),
        (b"[" * 200_000, TooDeep),
        (b'{"a":' * 65 + b"1" + b"}" * 65, TooDeep),
    ],
)
def test_refuses_what_two_readers_could_see_differently(raw: bytes, error: type[Unacceptable]) -> None:
    with pytest.raises(error) as refused:
        strict_loads(raw)
    assert isinstance(refused.value, ValueError)
    assert 5 < len(str(refused.value)) < 80


@pytest.mark.parametrize(
    "raw", [b"18446744073709551615", b"-9223372036854775808", b"[" * 64 + b"]" * 64, b'"\\ud83d\\ude00"']
)
def test_accepts_what_stands_at_its_bounds(raw: bytes) -> None:
    assert strict_loads(raw) == json.loads(raw)


def test_many_shallow_objects_are_not_deep() -> None:
    assert len(strict_loads(b"[" + b"{}," * 200 + b"{}]")) == 201


def test_finds_every_string_with_its_path_in_order() -> None:
    document = {"a": ["x", {"b": "y"}, 1], "c": "z"}
    assert list(strings_in(document)) == [(("a", 0), "x"), (("a", 1, "b"), "y"), (("c",), "z")]
    assert list(strings_in("x")) == [((), "x")]


def test_looks_into_a_document() -> None:
    document = {"a": [{"b": 1}]}
    assert value_at(document, ("a", 0, "b")) == 1
    assert value_at(document, ()) is document
    for path in [("x",), ("a", 1), ("a", "b"), ("a", 0, "b", "c")]:
        assert value_at(document, path, "none") == "none"


def test_replaces_by_copying_along_the_path_only() -> None:
    document = {"a": [{"b": 1}, {"c": 2}], "d": {}}
    changed = replaced_at(document, ("a", 0, "b"), 5)
    assert changed == {"a": [{"b": 5}, {"c": 2}], "d": {}}
    assert document["a"] == [{"b": 1}, {"c": 2}]
    assert changed["a"][1] is document["a"][1]
    assert changed["d"] is document["d"]
    assert replaced_at(document, (), 1) == 1


def test_adds_missing_objects_on_the_way_and_nothing_else() -> None:
    assert replaced_at({"q": 1}, ("user", "metadata", "tenant"), "t") == {"q": 1, "user": {"metadata": {"tenant": "t"}}}
    for document, path in [({"user": 1}, ("user", "x")), ([1], (1,)), ([1], ("a",)), ({"a": 1}, (0,)), ([1], (-1,))]:
        with pytest.raises(LookupError):
            replaced_at(document, path, 0)


@given(documents)
def test_replaces_many_values_in_a_copy_of_its_own(document: Any) -> None:
    before = json.dumps(document)
    values = {path: f"<{text}>" for path, text in strings_in(document)}
    changed = replaced_all(document, values)
    assert list(strings_in(changed)) == list(values.items())
    assert json.dumps(document) == before


def test_a_document_that_is_mostly_brackets_is_measured_without_a_path_for_each() -> None:
    """What the check of its depth needs beside the document itself is a small part of it."""
    data = b"[" + b"[]," * 50_000 + b"[]]"
    tracemalloc.start()
    try:
        document = strict_loads(data)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(document) == 50_001
    assert most < 1.5 * kept


_ESCAPED = [
    "\\ud83d",
    "\\ude00",
    "\\uDBFF",
    "\\uDC00",
    "\\\\",
    "u",
    "d800",
    "\\u00e9",
    "\\uD7ff",
    "\\ue000",
    "\\n",
    '\\"',
    "x",
]


@given(st.lists(st.sampled_from(_ESCAPED), max_size=8))
def test_halves_of_surrogate_pairs_are_refused_and_nothing_else(parts: list[str]) -> None:
    raw = f'["{"".join(parts)}"]'.encode()
    try:
        expected = orjson.loads(raw)
    except ValueError:
        with pytest.raises(NotJson):
            strict_loads(raw)
    else:
        assert strict_loads(raw) == expected


@pytest.mark.parametrize("raw", [b" \n\t\r1 \n\t\r", b"1 ", b" 1", b"1"])
def test_blanks_around_the_value_are_no_part_of_it(raw: bytes) -> None:
    assert strict_loads(raw) == 1


@pytest.mark.parametrize("raw", [b"1 2", b"1\x0b", b"\xc2\xa01", b" ", b"1 \x00"])
def test_nothing_but_blanks_stands_around_the_value(raw: bytes) -> None:
    with pytest.raises(NotJson):
        strict_loads(raw)


def test_a_wide_document_is_walked_without_a_list_of_all_that_is_in_it() -> None:
    document = [[]] * 100_000
    tracemalloc.start()
    try:
        assert list(strings_in(document)) == []
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_key_has_a_place_of_its_own() -> None:
    document = {"a": {"b": [{"c": 1}]}, "l": [1]}
    assert value_at(document, ("a", "b", KEY)) == "b"
    assert dict(keys_in(document)) == {
        ("a", KEY): "a", ("l", KEY): "l", ("a", "b", KEY): "b", ("a", "b", 0, "c", KEY): "c"
    }  # fmt: skip
    assert all(value_at(document, path) == key for path, key in keys_in(document))


def test_keys_become_others_and_what_stands_under_them_stays() -> None:
    document = {"a": {"x": "1", "y": "2", "z": [{"x": 3}]}, "k": 0}
    keys = [("a", "x", KEY), ("a", "y", KEY), ("a", "z", 0, "x", KEY), ("a", KEY)]
    edits: dict[Path, str] = {**dict.fromkeys(keys, "<k>"), ("a", "y"): "two"}
    told = replaced_all(document, edits)
    assert told == {"<k>": {"<k>": "1", "<k> 2": "two", "z": [{"<k>": 3}]}, "k": 0}
    assert list(told["<k>"]) == ["<k>", "<k> 2", "z"]
    assert document == {"a": {"x": "1", "y": "2", "z": [{"x": 3}]}, "k": 0}
    assert replaced_at({"a": {"b": 1}}, ("a", "b", KEY), "c") == {"a": {"c": 1}}


def test_a_key_takes_no_others_place() -> None:
    assert replaced_all({"x": 1, "<k>": 2}, {("x", KEY): "<k>"}) == {"<k> 2": 1, "<k>": 2}
