"""Faults that can be switched on: for every request at start, or for one request by words in its text.

A directive is written `[[name]]` or `[[name=value]]` in the question (chat, retrieval), in a URL (documents) or in the
comment (feedback), so that it passes a gateway that strips headers. It is taken out of the text before an answer is
made, and wins over what was switched on at start. Words in brackets that name no fault stay in the text.

| directive            | unit       | effect                                                     | operations       |
| -------------------- | ---------- | ---------------------------------------------------------- | ---------------- |
| `[[pii]]`            |            | the text quotes one specimen of each kind of personal data | not feedback     |
| `[[uncertain]]`      |            | `is_uncertain` is true, and the answer says so             | chats            |
| `[[no-sources]]`     |            | no relevant sources; an empty list of chunks               | chats, retrieval |
| `[[echo]]`           |            | the answer (the best chunk) is the question                | chats, retrieval |
| `[[size=4096]]`      | bytes      | the answer (the best chunk, each document) is that long    | not feedback     |
| `[[status=503]]`     | 400 to 599 | that status with a JSON `detail`                           | all              |
| `[[retry-after=7]]`  | seconds    | 429 (or `status`) with `Retry-After`                       | all              |
| `[[html-502]]`       |            | 502 with an HTML page, as from a proxy in front of Kapa    | all              |
| `[[latency=0.5]]`    | seconds    | nothing is sent before that time                           | all              |
| `[[stall=0.5]]`      | seconds    | a pause after the first piece of the body                  | all              |
| `[[cut=200]]`        | bytes      | the connection is closed after that much of the body       | all              |
| `[[cut-pieces=1]]`   | bytes      | the body is written in network pieces of that size         | all              |
| `[[error-record]]`   |            | it ends in its middle with an `error` record               | streams          |
| `[[unknown-record]]` |            | in its middle stands a record of a type that nobody knows  | streams          |
| `[[garbage-record]]` |            | in its middle stands a record that is not JSON             | streams          |
| `[[no-closing]]`     |            | it ends well, but without its `identifiers` record         | streams          |

At start the same names are the keys of one JSON object: `{"latency": 0.2, "pii": true}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

_DIRECTIVE = re.compile(r"\[\[([a-z][a-z0-9-]*)(?:=([^\[\]=]*))?\]\]\s*")


class FaultError(ValueError):
    """A fault that does not exist, or a value that it does not take. The message is one line for a person."""


class Faults(Struct, frozen=True, kw_only=True):
    """What to do wrong; the field names are those of the table above with `_` for `-`."""

    pii: bool = False
    uncertain: bool = False
    no_sources: bool = False
    echo: bool = False
    size: int | None = None
    status: int | None = None
    retry_after: int | None = None
    html_502: bool = False
    latency: float | None = None
    stall: float | None = None
    cut: int | None = None
    cut_pieces: int | None = None
    error_record: bool = False
    unknown_record: bool = False
    garbage_record: bool = False
    no_closing: bool = False


class _Range(Struct, frozen=True):
    low: int
    high: int
    whole: bool = True

    def __str__(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.low} to {self.high}"


_RANGES = {
    "size": _Range(1, 1 << 20),
    "status": _Range(400, 599),
    "retry_after": _Range(0, 86_400),
    "latency": _Range(0, 600, whole=False),
    "stall": _Range(0, 600, whole=False),
    "cut": _Range(0, 1 << 30),
    "cut_pieces": _Range(1, 1 << 20),
}
_NAMES = frozenset(Faults.__struct_fields__)


def parse_faults(values: Mapping[str, object], base: Faults | None = None) -> Faults:
    """`base` with the named faults switched; raises FaultError."""
    changes: dict[str, object] = {}
    for name, value in values.items():
        field = name.replace("-", "_")
        if field not in _NAMES:
            raise FaultError(f"there is no fault {name!r}; there are {', '.join(sorted(_NAMES)).replace('_', '-')}")
        changes[field] = _read(name, field, value)
    return replace(base or Faults(), **changes)


def take_directives(text: str, base: Faults) -> tuple[str, Faults]:
    """The text without its directives, and `base` as they change it; raises FaultError for a value that misfits."""
    found: dict[str, object] = {}

    def take(match: re.Match[str]) -> str:
        name, value = match.groups()
        if name.replace("-", "_") not in _NAMES:
            return match.group()
        found[name] = True if value is None else value
        return ""

    rest = _DIRECTIVE.sub(take, text)
    return (rest.strip(), parse_faults(found, base)) if found else (text, base)


def _read(name: str, field: str, value: object) -> bool | int | float:
    return _read_number(name, _RANGES[field], value) if field in _RANGES else _read_flag(name, value)


def _read_flag(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise FaultError(f"fault {name!r} is on or off and takes no value")


def _read_number(name: str, allowed: _Range, value: object) -> int | float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = int(str(value)) if allowed.whole else float(value)
    except ValueError:
        raise FaultError(f"fault {name!r} takes {allowed}") from None
    if not allowed.low <= number <= allowed.high:
        raise FaultError(f"fault {name!r} takes {allowed}")
    return number
