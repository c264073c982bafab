"""Two versions of one step, compared option by option: what became tighter, looser, or cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from kapagate.chain.filter import Filter
from kapagate.chain.options import Options, When
from kapagate.chain.order import Label, label, order_of
from kapagate.policy.annotations import Path

_OPPOSITE: dict[Label, Label] = {"tighter": "looser", "looser": "tighter"}


class Difference(Struct, frozen=True):
    """What an option was and is; a value that is not there is None."""

    path: Path
    before: Any
    after: Any
    label: Label


def opposite(known: Label) -> Label:
    return _OPPOSITE.get(known, known)


def compared(before: BaseModel, after: BaseModel, path: Path = ()) -> Iterator[Difference]:
    """The options in which two declarations of one model differ. One that declares no order is `unknown`."""
    for name, field in type(before).model_fields.items():
        was, now = getattr(before, name), getattr(after, name)
        if was == now:
            continue
        here, order = (*path, field.alias or name), order_of(field.metadata)
        if order is not None:
            first, then = order.seen(before, name), order.seen(after, name)
            yield Difference(here, was, now, "neutral" if first == then else order.compare(first, then))
        elif isinstance(was, BaseModel) and type(was) is type(now):
            yield from compared(was, now, here)
        else:
            yield Difference(here, was, now, "unknown")


def compared_options(before: Options, after: Options, made: type[Filter]) -> Iterator[Difference]:
    """The common options in which two versions of a step of the filter differ; its id is its name, and the same."""
    for each in compared(before.model_copy(update={"when": None}), after.model_copy(update={"when": None})):
        if each.path == ("mode",):
            yield Difference(each.path, each.before, each.after, _of_presence(each.label, made.presence))
        elif each.path != ("id",):
            yield each
    if before.when != after.when:
        found = _of_presence(reach(before.when, after.when), made.presence)
        yield Difference(("when",), before.when, after.when, found)


def _of_presence(more: Label, presence: Label) -> Label:
    """What it comes to that a step acts more often (`tighter`) or less, by what it is to have it at all."""
    if more == "neutral" or presence in ("neutral", "unknown"):
        return "neutral" if more == "neutral" else presence
    return more if presence == "tighter" else opposite(more)


def reach(before: When | None, after: When | None) -> Label:
    """`tighter` when a step is for all requests that it was for and more; `looser` when for fewer."""
    return label(_covers(after, before), _covers(before, after))


def _covers(wide: When | None, narrow: When | None) -> bool:
    """Whether every request of the one is surely one of the other."""
    if wide is None:
        return True
    for name in When.model_fields:
        bound, own = getattr(wide, name), getattr(narrow, name, None)
        if bound is None or bound == own:
            continue
        if own is None or isinstance(bound, bool) or not set(own) <= set(bound):
            return False
    return True
