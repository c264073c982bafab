"""Models over nodes: what pydantic finds, said in the policy's words at the place of the key or value at fault."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as Map
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kapagate.policy import codes
from kapagate.policy.annotations import Path, coerced, homes, model_at, names
from kapagate.policy.finding import MOST_OF_A_KIND, Diagnostics
from kapagate.policy.nodes import Mapping, Node, Scalar, Sequence, described, plain, scalars
from kapagate.policy.position import Span
from kapagate.policy.suggestion import closest

M = TypeVar("M", bound=BaseModel)
_LISTED = re.compile(r"expected one of (.+?)(?:, got .*|$)")
_QUOTED = re.compile(r"'([^']*)'")
_EXPECTATIONS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
}
_BOUNDS: dict[str, tuple[str, str]] = {
    "greater_than": ("must be more than {}", "gt"),
    "greater_than_equal": ("must be at least {}", "ge"),
    "less_than": ("must be less than {}", "lt"),
    "less_than_equal": ("must be at most {}", "le"),
    "string_too_short": ("must have at least {} characters", "min_length"),
    "string_too_long": ("must have at most {} characters", "max_length"),
    "too_short": ("must have at least {} entries", "min_length"),
    "too_long": ("must have at most {} entries", "max_length"),
    "string_pattern_mismatch": ("does not have the form {}", "pattern"),
}


class Subject(Struct, frozen=True):
    """What is validated. `name` is how messages call it (empty: the document), `key` the place of the key before it.

    `also`: keys that are known at its top without being fields. `elsewhere`: keys that belong to another level, and
    which. `prepared`: values that stand for what the file says, by top key; their own problems are already noted.
    """

    node: Mapping
    name: str = ""
    key: Span | None = None
    also: tuple[str, ...] = ()
    elsewhere: Map[str, str] = field(default_factory=dict)
    prepared: Map[str, Any] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()


class _Fault(Struct):
    """One error of pydantic's, found again in the file."""

    code: codes.Code
    path: Path
    message: str
    at_key: bool = False
    expected: str = ""
    suggestion: str | None = None
    masked: bool = False
    tag: str = ""
    lacks: str = ""


def validate(model: type[M], subject: Subject, problems: Diagnostics) -> M | None:
    """The node as a model; None when something is wrong, and then all of it is noted."""
    result, faults = _examined(model, subject)
    for fault in faults:
        _note(subject, fault, problems)
    return None if faults or subject.broken or is_unresolved(subject.node) else result


def salvage(model: type[M], subject: Subject, problems: Diagnostics) -> M | None:
    """As `validate`, but where parts are wrong the model of the rest, so that the rest can be looked at further."""
    result, faults = _examined(model, subject)
    for fault in faults:
        _note(subject, fault, problems)
    wrong = {fault.path[0] for fault in faults if fault.path} | subject.broken
    wrong |= {key for key, entry in subject.node.entries.items() if is_unresolved(entry.value)}
    if result is not None and not wrong:
        return result
    lists = {key for key, info in model.model_fields.items() if info.annotation == tuple[Any, ...]}
    keep = {key: entry for key, entry in subject.node.entries.items() if key not in wrong or key in lists}
    prepared = {key: value for key, value in subject.prepared.items() if key not in wrong}
    rest = replace(subject, node=Mapping(subject.node.span, keep), prepared=prepared, broken=frozenset())
    return _examined(model, rest)[0]


def is_unresolved(node: Node) -> bool:
    """Whether some reference in the value stands for nothing."""
    return any(scalar.unresolved for scalar in scalars(node))


def _examined(model: type[M], subject: Subject) -> tuple[M | None, list[_Fault]]:
    """The model where there is one, and what is wrong, each thing once."""
    raw = {**plain(subject.node), **subject.prepared}
    faults = [_wrong_type(subject.node, path, expected) for path, expected in coerced(model, raw)]
    result = None
    try:
        result = model.model_validate(raw)
    except ValidationError as refused:
        taken = {fault.path for fault in faults}
        errors = refused.errors(include_url=False, include_input=False)[:MOST_OF_A_KIND]
        found = _without_unions([_fault(model, subject, error) for error in errors])
        faults += [fault for fault in found if fault.path not in taken or fault.code is codes.MISSING]
    return result, _without_echoes([fault for fault in faults if not _is_known(subject, fault)])


def _is_known(subject: Subject, fault: _Fault) -> bool:
    """Whether what is wrong was noted before."""
    node = _at(subject.node, fault.path)[0]
    unresolved = isinstance(node, Scalar) and node.unresolved
    return unresolved or bool(fault.path and fault.path[0] in subject.broken)


def _without_echoes(faults: list[_Fault]) -> list[_Fault]:
    """A misspelt key is not missing as well, nor is a list too short because its entries are wrong."""
    respelt = {(*fault.path[:-1], fault.suggestion) for fault in faults if fault.code is codes.UNKNOWN_FIELD}
    deeper = {fault.path[:length] for fault in faults for length in range(len(fault.path))}
    return [
        fault
        for fault in faults
        if not (fault.lacks and (*fault.path, fault.lacks) in respelt)
        and not (fault.message.startswith("must have at least") and fault.path in deeper)
    ]


def _fault(model: type[BaseModel], subject: Subject, error: ErrorDetails) -> _Fault:
    path, tag = _path(subject.node, error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        fault = _missing(str(error["loc"][-1]), _label(subject.name, path), path)
    elif kind == "extra_forbidden":
        fault = _unknown(model, subject, path)
    elif error["loc"][-1] == "[key]":
        fault = _Fault(codes.UNACCEPTABLE, path, _sentence(kind, context, error["msg"]), at_key=True)
    elif kind in ("literal_error", "enum"):
        fault = _no_choice(subject.node, path, _QUOTED.findall(str(context.get("expected", ""))))
    elif kind in _EXPECTATIONS:
        fault = _wrong_type(subject.node, path, _EXPECTATIONS[kind])
    else:
        fault = _unacceptable(subject.node, path, _sentence(kind, context, error["msg"]))
    fault.tag = "" if fault.lacks or kind == "extra_forbidden" else tag
    return fault


def _missing(key: str, where: str, path: Path) -> _Fault:
    message = f'"{key}" is missing in {where}' if where else f'"{key}" is missing'
    return _Fault(codes.MISSING, path, message, at_key=True, lacks=key)


def _path(node: Node, location: Iterable[str | int]) -> tuple[Path, str]:
    """The part of an error's location that exists in the file, and the first union tag that does not."""
    path: list[str | int] = []
    tag = ""
    current: Node = node
    for part in location:
        if isinstance(current, Mapping) and isinstance(part, str) and part in current.entries:
            current = current.entries[part].value
        elif isinstance(current, Sequence) and isinstance(part, int) and 0 <= part < len(current.items):
            current = current.items[part]
        else:
            tag = tag or str(part)
            continue
        path.append(part)
    return tuple(path), tag


def _unknown(model: type[BaseModel], subject: Subject, path: Path) -> _Fault:
    word, above = str(path[-1]), path[:-1]
    where = _label(subject.name, above)
    inside = f" in {where}" if where else ""
    here = model_at(model, above)
    known = [*(names(here) if here else []), *(subject.also if not above else ())]
    home = subject.elsewhere.get(word) or next(
        (f"under {_label(subject.name, p)}" for p in homes(model, word) if p != above), ""
    )
    if not home and above and word in (*names(model), *subject.also):
        home = f"under {subject.name}" if subject.name else "at the top of the document"
    near = closest(word, known)
    if home and (near is None or word.lower() != near.lower()):
        return _Fault(codes.MISPLACED_FIELD, path, f'"{word}" belongs {home}, not{inside or " here"}', at_key=True)
    return _Fault(codes.UNKNOWN_FIELD, path, f'unknown field "{word}"{inside}', at_key=True, suggestion=near)


def _no_choice(node: Mapping, path: Path, choices: list[str]) -> _Fault:
    found = _at(node, path)[0]
    expected = (" or " if len(choices) < 4 else ", ").join(f'"{choice}"' for choice in choices)
    word = str(found.value) if isinstance(found, Scalar) else ""
    said = f'"{word}"' if word and isinstance(found, Scalar) and not found.held else described(found)
    suggestion = closest(word, choices)
    return _Fault(codes.NOT_A_CHOICE, path, f"expected {expected}, found {said}", False, expected, suggestion)


def _wrong_type(node: Mapping, path: Path, expected: str) -> _Fault:
    found = _at(node, path)[0]
    said = described(found)
    if isinstance(found, Scalar) and found.text and not found.held and len(found.text) <= 40:
        said = f'the text "{found.text}"' if said == "text" else f"{found.text}"
    return _Fault(codes.WRONG_TYPE, path, f"expected {expected}, found {said}", expected=expected)


def _unacceptable(node: Mapping, path: Path, sentence: str) -> _Fault:
    clear = sentence.startswith("a secret must be")
    listed = _LISTED.search(sentence)
    found = _at(node, path)[0]
    suggestion = None
    if listed and isinstance(found, Scalar):
        suggestion = closest(str(found.value), re.split(r", | or ", listed[1]))
    code = codes.CLEAR_SECRET if clear else codes.UNACCEPTABLE
    return _Fault(code, path, sentence, masked=clear, suggestion=suggestion)


def _sentence(kind: str, context: Map[str, Any], message: str) -> str:
    if kind == "value_error":
        return str(context.get("error", message))
    if kind == "string_pattern_mismatch" and str(context.get("pattern", "")).startswith("^[a-z][a-z0-9_-]"):
        return "a name has lower-case letters, digits, '_' and '-', and begins with a letter"
    if kind in _BOUNDS:
        said, name = _BOUNDS[kind]
        return said.format(context.get(name)).replace("1 entries", "1 entry")
    return message[:1].lower() + message[1:]


def _without_unions(faults: list[_Fault]) -> list[_Fault]:
    """A value that fits no alternative of a union gets one sentence; the one that came furthest speaks alone."""
    simple = [fault for fault in faults if not fault.tag]
    groups: dict[Path, list[_Fault]] = {}
    for fault in sorted((fault for fault in faults if fault.tag), key=lambda fault: len(fault.path)):
        home = next((path for path in groups if fault.path[: len(path)] == path), fault.path)
        groups.setdefault(home, []).append(fault)
    for path, group in groups.items():
        deeper = [fault for fault in group if len(fault.path) > len(path)]
        simple += [fault for fault in deeper if fault.tag == deeper[-1].tag] or [_joined(group)]
    return simple


def _joined(group: list[_Fault]) -> _Fault:
    expected = list(dict.fromkeys(fault.expected for fault in group if fault.expected))
    special = next((fault for fault in group if not fault.expected), None)
    if special:
        return special
    first = next((fault for fault in group if fault.suggestion), group[0])
    found = first.message.partition(", found ")[2]
    return _Fault(
        first.code, first.path, f"expected {' or '.join(expected)}, found {found}", suggestion=first.suggestion
    )


def _label(name: str, path: Path) -> str:
    """`listen.limits`, `routes[2]`."""
    label = name
    for part in path:
        label += f"[{part}]" if isinstance(part, int) else f".{part}" if label else part
    return label


def _at(node: Mapping, path: Path) -> tuple[Node, Span | None]:
    """The node at a path, and the place of its key."""
    current: Node = node
    key: Span | None = None
    for part in path:
        if isinstance(current, Mapping) and isinstance(part, str):
            entry = current.entries[part]
            current, key = entry.value, entry.span
        elif isinstance(current, Sequence) and isinstance(part, int):
            current, key = current.items[part], None
    return current, key


def place(node: Mapping, path: Path, key: Span | None = None, at_key: bool = False) -> Span:
    """Where to point for the value at a path, as far as the path exists: a scalar itself, else the key before it."""
    current, own = _at(node, _path(node, path)[0])
    own = own or (key if current is node else None)
    if isinstance(current, Mapping) and own is None and current.entries:
        own = next(iter(current.entries.values())).span
    empty = isinstance(current, Scalar) and current.value is None and not current.text
    if own and (at_key or empty or not isinstance(current, Scalar)):
        return own
    return current.span


def _note(subject: Subject, fault: _Fault, problems: Diagnostics) -> None:
    span = place(subject.node, fault.path, subject.key, fault.at_key)
    message = redacted(_at(subject.node, fault.path)[0], fault.message)
    problems.add(fault.code, span, message, suggestion=fault.suggestion, masked=fault.masked)


def redacted(node: Node, message: str) -> str:
    """A message about a value, without what references in that value stood for."""
    for scalar in scalars(node):
        if scalar.held and isinstance(scalar.value, str):
            for text, said in ((scalar.value, scalar.text), *scalar.held):
                if len(text) > 2 or (text and text == scalar.value):
                    message = message.replace(text, said).replace(f"Resolved({said})", said)
    return message
