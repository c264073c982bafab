"""Problems as JSON, for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kapagate.policy.finding import Diagnostic


def listed(found: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """A record for each problem, in order. Lines and columns count characters from 1; the end is behind the last."""
    return [_record(each) for each in found]


def _record(found: Diagnostic) -> dict[str, Any]:
    span = found.span
    return {
        "code": found.code.name,
        "severity": found.code.severity,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "message": found.message,
        "suggestion": found.suggestion,
        "note": found.note,
        "page": found.code.page,
    }
