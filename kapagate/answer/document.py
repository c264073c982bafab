"""JSON documents: read strictly, so that guards and the other side see the same thing; looked into; edited by copy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kapagate.answer.events import Path

DEPTH = 64
KEY = -(2**62)
"""At the end of a path: not what stands there, but the key under which it stands. No array has such an index."""
_BLANKS = " \t\n\r"  # RFC 8259, 2
_BLANK = re.compile(f"[{_BLANKS}]*+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_PAIRED = re.compile(
    rb"(?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+", re.DOTALL
)
_INTEGERS = range(-(2**63), 2**64)
_INTEGER_DIGITS = 20


class Unacceptable(ValueError):
    """The document is refused. The message is a short reason for whoever sent it; it quotes no content."""


class NotJson(Unacceptable):
    """Not one JSON value in UTF-8."""


class DuplicateKey(Unacceptable):
    """Two readers could see two different documents."""


class TooDeep(Unacceptable):
    """Nested deeper than allowed."""


class UnsafeNumber(Unacceptable):
    """A number that would not survive being written again."""


def strict_loads(data: bytes, depth: int = DEPTH) -> Any:
    """The document in `data`. Raises a Unacceptable."""
    try:
        document = _decoded(data.decode())
        if b"\\u" in data and _SURROGATE.search(data) and not _PAIRED.fullmatch(data):
            raise NotJson("a string has half of a surrogate pair")  # it could not be written again
    except UnicodeDecodeError:
        raise NotJson("it is not valid UTF-8") from None
    except RecursionError:
        raise TooDeep(_TOO_DEEP.format(depth)) from None
    except Unacceptable:
        raise
    except ValueError:
        raise NotJson("it is not one valid JSON value") from None
    if data.count(b"[") + data.count(b"{") > depth:
        _check_depth(document, depth)
    return document


def _decoded(text: str) -> Any:
    """What `JSONDecoder.decode` does; for blanks around the value no text is copied. Raises ValueError."""
    begin = _behind_blanks(text, 0) if text[:1] in _BLANKS else 0
    document, end = _DECODER.raw_decode(text, begin)
    if end != len(text) and _behind_blanks(text, end) != len(text):
        raise NotJson("something follows the JSON value")
    return document


def _behind_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _check_depth(document: Any, depth: int) -> None:
    """Raises TooDeep. A level at a time, without paths: a document may be mostly brackets."""
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(depth):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
        if not level:
            return
    raise TooDeep(_TOO_DEEP.format(depth))


def strings_in(document: Any, depth: int = DEPTH) -> Iterator[tuple[Path, str]]:
    """Every string value with its path, in document order; no keys. Raises TooDeep."""
    if isinstance(document, str):
        yield (), document
    below = [_inside((), document, depth)]
    while below:
        for path, value in below[-1]:
            if isinstance(value, str):
                yield path, value
            elif isinstance(value, dict | list):
                below.append(_inside(path, value, depth))
                break
        else:
            below.pop()


def keys_in(document: Any) -> Iterator[tuple[Path, str]]:
    """Every key of every object with its path (`KEY`), of a document that is not too deep."""
    below: list[tuple[Path, Any]] = [((), document)]
    while below:
        path, value = below.pop()
        if isinstance(value, dict):
            yield from (((*path, key, KEY), key) for key in value)
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            below += [((*path, key), each) for key, each in items if isinstance(each, dict | list)]


def _inside(path: Path, value: Any, depth: int) -> Iterator[tuple[Path, Any]]:
    """What an object or array holds, one after the other: a wide one is not held twice."""
    if not isinstance(value, dict | list):
        return
    if len(path) >= depth:
        raise TooDeep(_TOO_DEEP.format(depth))
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key), each


def value_at(document: Any, path: Path, default: Any = None) -> Any:
    """What stands at `path`, or the key that it ends with (`KEY`); `default` where the path leads nowhere."""
    for key in path:
        try:
            document = document[key]
        except (LookupError, TypeError):
            return path[-2] if key == KEY else default
    return document


def replaced_at(document: Any, path: Path, value: Any) -> Any:
    """The document with `value` at `path`, copied only along the path.

    Missing keys of objects are added, missing objects too. Raises LookupError where the path goes through
    something that is neither object nor array, or through an array at an index that it has not.
    """
    if not path:
        return value
    key, rest = path[0], path[1:]
    if rest == (KEY,):
        return replaced_all(document, {path: value})
    if isinstance(document, dict) and isinstance(key, str):
        return {**document, key: replaced_at(document.get(key, {}), rest, value)}
    if isinstance(document, list) and isinstance(key, int) and 0 <= key < len(document):
        return [*document[:key], replaced_at(document[key], rest, value), *document[key + 1 :]]
    raise LookupError(f"no place for {key!r}")


def replaced_all(document: Any, values: dict[Path, Any]) -> Any:
    """A full copy of the document with each value at its path; the paths exist and end at different strings, or at
    keys, which become others.
    """
    if () in values:
        return values[()]
    copy = _copied(document)
    for path, value in values.items():
        if path[-1] != KEY:
            value_at(copy, path[:-1])[path[-1]] = value
    renamed = [path for path in values if path[-1] == KEY]
    for path in sorted(renamed, key=len, reverse=True):
        _rename(value_at(copy, path[:-2]), path[-2], values[path])
    return copy


def _rename(document: Any, old: str | int, new: str) -> None:
    """Puts another key in the place of one. Keys that have become alike are numbered, so that nothing is lost."""
    taken, number, told = document.keys() - {old}, 1, new
    while told in taken:
        number += 1
        told = f"{new} {number}"
    items = [(told if key == old else key, value) for key, value in document.items()]
    document.clear()
    document.update(items)


def _copied(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _copied(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_copied(value) for value in document]
    return document


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise DuplicateKey("an object has the same key twice")
    return document


def _integer(digits: str) -> int:
    if len(digits) <= _INTEGER_DIGITS and (number := int(digits)) in _INTEGERS:
        return number
    raise UnsafeNumber("an integer has more than 64 bits")


def _real(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise UnsafeNumber("a number is too large")
    return number


def _constant(name: str) -> Any:
    raise NotJson(f"{name} is not JSON")


_TOO_DEEP = "it is nested deeper than {} levels"
_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, parse_float=_real, parse_constant=_constant)
