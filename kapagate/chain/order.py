"""Which of two values of an option is the tighter one. Each option that can loosen says so beside its field:

    max_length: Annotated[int | None, LOWER] = Field(None, ...)

Tighter means: whatever was refused, taken away or held back still is. An option that says nothing cannot be compared,
and neither can two values of which each is tighter in its own way; both are `unknown`, never a guess.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable
from typing import Any, Literal

from msgspec import Struct

Label = Literal["tighter", "looser", "neutral", "unknown"]
"""What a change comes to. `neutral`: it makes nothing tighter and nothing looser."""


def label(tightens: bool, loosens: bool) -> Label:
    """Of a change that is at least as tight as what was, at least as loose, both, or neither."""
    if tightens and loosens:
        return "neutral"
    return "tighter" if tightens else "looser" if loosens else "unknown"


class Order(Struct, frozen=True):
    """The order of one option's values."""

    def seen(self, declared: Any, name: str) -> Any:
        """What is compared: the value of the field `name`, or what it comes to together with others."""
        return getattr(declared, name)

    @abstractmethod
    def compare(self, before: Any, after: Any) -> Label:
        """Of two values that are not the same."""

    @abstractmethod
    def __str__(self) -> str:
        """In the words of somebody who writes a policy."""


class Number(Order, frozen=True):
    """A bound; none at all is the loosest."""

    tighter: Literal["lower", "higher"]

    def compare(self, before: Any, after: Any) -> Label:
        if before is None or after is None:
            return label(before is None, after is None)
        return label(
            *((after <= before, before <= after) if self.tighter == "lower" else (after >= before, before >= after))
        )

    def __str__(self) -> str:
        return f"{self.tighter} is tighter"


class Ranked(Order, frozen=True):
    """Choices from the loosest to the tightest. `of`: the attribute that says what the field comes to."""

    choices: tuple[Any, ...]
    of: str = ""

    def seen(self, declared: Any, name: str) -> Any:
        return getattr(declared, self.of or name)

    def compare(self, before: Any, after: Any) -> Label:
        try:
            first, then = (self.choices.index(each) for each in (before, after))
        except ValueError:
            return "unknown"
        return label(then >= first, then <= first)

    def __str__(self) -> str:
        return "from loose to tight: " + ", ".join("left out" if each is None else str(each) for each in self.choices)


class Listed(Order, frozen=True):
    """A list of which fewer entries, or more, are tighter. `everything`: a value that stands for all there could be."""

    tighter: Literal["fewer", "more"]
    everything: tuple[Any, ...] = ()

    def compare(self, before: Any, after: Any) -> Label:
        if not all(each in self.everything or _is_list(each) for each in (before, after)):
            return "unknown"
        grows, shrinks = self._within(before, after), self._within(after, before)
        return label(shrinks, grows) if self.tighter == "fewer" else label(grows, shrinks)

    def _within(self, one: Any, other: Any) -> bool:
        if other in self.everything:
            return True
        return one not in self.everything and all(each in other for each in one)

    def __str__(self) -> str:
        return f"{self.tighter} entries are tighter" + (", and without any it is for all" if self.everything else "")


class Entries(Order, frozen=True):
    """Named entries of which more are tighter. An entry that is another cannot be compared with what it was."""

    def compare(self, before: Any, after: Any) -> Label:
        return label(before.items() <= after.items(), after.items() <= before.items())

    def __str__(self) -> str:
        return "more entries are tighter, and a changed one cannot be compared"


class Ceilings(Order, frozen=True):
    """Several limits of (rate, burst) at once, as the method `of` says them: what is tighter has one below each."""

    of: str

    def seen(self, declared: Any, name: str) -> Any:
        return getattr(declared, self.of)()

    def compare(self, before: Any, after: Any) -> Label:
        return label(_below(after, before), _below(before, after))

    def __str__(self) -> str:
        return "a lower rate with no more at once is tighter"


class Indifferent(Order, frozen=True):
    """No value is tighter than another."""

    def compare(self, before: Any, after: Any) -> Label:
        return "neutral"

    def __str__(self) -> str:
        return "no value is tighter than another"


LOWER, HIGHER = Number("lower"), Number("higher")
FEWER, MORE = Listed("fewer"), Listed("more")
MORE_ENTRIES = Entries()
FEWER_OR_ALL = Listed("fewer", (None, (), "all"))
NEUTRAL = Indifferent()


def ranked(*choices: Any, of: str = "") -> Ranked:
    """Choices from the loosest to the tightest."""
    return Ranked(choices, of)


def order_of(metadata: Iterable[Any]) -> Order | None:
    """The order that a field declares."""
    return next((each for each in metadata if isinstance(each, Order)), None)


def _is_list(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str)


def _below(one: Iterable[tuple[float, float]], other: Iterable[tuple[float, float]]) -> bool:
    ceilings = tuple(one)
    return all(any(rate <= high and burst <= most for rate, burst in ceilings) for high, most in other)
