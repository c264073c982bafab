"""Filters: what a platform team declares. One class per file in `filters/`, the file's name is the YAML name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from kapagate.chain.order import Label
from kapagate.chain.route import Surface
from kapagate.chain.step import Step
from kapagate.chain.verdict import Decision

if TYPE_CHECKING:
    from kapagate.chain.services import Services


class Invalid(ValueError):
    """A declaration that is well formed but cannot work. `at` is the path of the field at fault within it."""

    def __init__(self, message: str, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.at = at


class Contradicted(Invalid):
    """An example that a declaration gives of itself, and that it is not true to."""


class Filter(BaseModel, ABC):
    """A frozen declaration: its fields are its YAML schema. Loading compiles it to a step.

    `modes` and `failures` are what `mode` and `on_error` may say for it; a step on which others stand (`identify`)
    narrows them. `lanes` says where it may stand: what has to act before anybody is known has no sense in the chain.
    `alone`: no two steps of the filter act on one request. `remote`: it asks another machine while a request waits, so
    its steps say what a failure means (`on_error`). `presence`: what a policy is with such a step against one without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    modes: ClassVar[frozenset[str]] = frozenset({"enforce", "shadow", "off"})
    failures: ClassVar[frozenset[str]] = frozenset({"deny", "allow"})
    lanes: ClassVar[frozenset[str]] = frozenset({"gate", "chain"})
    alone: ClassVar[bool] = False
    remote: ClassVar[bool] = False
    presence: ClassVar[Label] = "unknown"

    @property
    def decisions(self) -> frozenset[Decision]:
        """What the step can decide with these options, when nothing fails; none where it only watches."""
        return frozenset({"passed"})

    @property
    def demands(self) -> Mapping[tuple[str | int, ...], frozenset[Surface]]:
        """The options that ask for something, by their paths, each with all that a route must have for it to act."""
        return {}

    @property
    def lockable(self) -> bool:
        """Whether `locked: true` can stand beside these options: a step that promises nothing cannot be relied on."""
        return True

    @abstractmethod
    def compile(self, services: Services) -> Step:
        """At load: no I/O, no await. Raises `Invalid`."""
