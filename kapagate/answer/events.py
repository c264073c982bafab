"""An answer is one sequence of events, whether it came as one JSON object or as a stream of records.

Codecs decode and encode at the edge; rules are written once, against these. `Text` is the running text and goes
through the window. Every other event is a `Record`: a JSON value, the places of its texts, and an envelope that
belongs to the codec alone (the record as it came, with keys that nobody here knows). They are tuples because one is
made for every piece of a stream, and a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Self

TextKind = Literal["question", "answer", "title", "passage", "comment", "other"]
Path = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a text stands in a JSON value (keys and indexes from its root) and what kind of text it is."""

    path: Path
    kind: TextKind


class Text(NamedTuple):
    """A piece of the answer's running text, to be appended to what came before."""

    text: str


class Record(NamedTuple):
    """What is not running text. `value` is what rules may read and change, `places` point into it."""

    value: Any
    places: tuple[Place, ...] = ()
    envelope: Any = None

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return tuple.__hash__(self)

    def with_value(self, value: Any) -> Self:
        return self._replace(value=value)


class Sources(Record):
    """`value`: a list of source objects (`source_url`, `title`, ...); titles are its texts."""

    __slots__ = ()


class Uncertain(Record):
    """`value`: whether Kapa calls its answer uncertain."""

    __slots__ = ()


class Identifiers(Record):
    """`value`: an object with `thread_id` and `question_answer_id`, or one of them; one that is no UUID is a text.
    Closes a stream, unless it opens one with its thread.
    """

    __slots__ = ()


class Failure(Record):
    """`value`: the reason, a text of kind `other`. Closes a stream."""

    __slots__ = ()


class Other(Record):
    """`value`: any JSON value: a page of passages, a document, a record of a type that nobody here knows."""

    __slots__ = ()


Event = Text | Record
