"""Places in policy files."""

from __future__ import annotations

from msgspec import Struct


class Span(Struct, frozen=True):
    """From a first character to just behind a last one; lines and columns count characters from 1."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
