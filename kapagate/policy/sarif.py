"""Problems as SARIF 2.1.0 (OASIS), which code scanning services read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kapagate.policy.codes import Code
from kapagate.policy.finding import Diagnostic
from kapagate.policy.position import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(found: Iterable[Diagnostic], version: str) -> dict[str, Any]:
    """One run of `kapagate check`. `version` is that of the tool."""
    problems = list(found)
    codes = sorted({each.code for each in problems}, key=lambda code: code.name)
    driver = {"name": "kapagate", "version": version, "rules": [_rule(code) for code in codes]}
    results = [_result(each, codes.index(each.code)) for each in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.name,
        "shortDescription": {"text": code.title},
        "help": {"text": f"See {code.page}."},
        "defaultConfiguration": {"level": code.severity},
    }


def _result(found: Diagnostic, rule: int) -> dict[str, Any]:
    return {
        "ruleId": found.code.name,
        "ruleIndex": rule,
        "level": found.code.severity,
        "message": {"text": sentences(found)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(found.span)}, "region": _region(found)}}],
    }


def sentences(found: Diagnostic) -> str:
    """What is wrong, what was probably meant and the note, as one text."""
    meant = f'did you mean "{found.suggestion}"?' if found.suggestion else ""
    return "; ".join(part for part in (found.message, meant, found.note) if part)


def _uri(span: Span) -> str:
    """A relative path stays relative: what it is relative to is the reader's checkout."""
    path = Path(span.file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), safe="/")


def _region(found: Diagnostic) -> dict[str, int]:
    span = found.span
    names = {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column}
    return {name: max(1, value) for name, value in names.items()}
