"""Facts: what a filter concluded, typed and owned.

A fact is declared once, beside the thinking that it belongs to. Steps say which facts they read and write, so the
order of a chain is checked when it is loaded.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Fact(Generic[T]):
    """A key of an exchange's facts; two facts are the same only if they are the same object."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Fact({self.name})"
