"""Problems as workflow commands of GitHub Actions, which become notes beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from kapagate.policy.finding import Diagnostic
from kapagate.policy.sarif import sentences

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def workflow_commands(found: Iterable[Diagnostic]) -> str:
    """A line for each problem: `::error file=...,line=...::message`."""
    return "\n".join(map(_command, found))


def _command(found: Diagnostic) -> str:
    span = found.span
    properties = {
        "file": span.file,
        "line": str(span.line),
        "endLine": str(span.end_line),
        "col": str(span.column),
        "endColumn": str(span.end_column),
        "title": f"{found.code.name} {found.code.title}",
    }
    said = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    return f"::{found.code.severity} {said}::{_escaped(f'{sentences(found)} (see {found.code.page})', _DATA)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    """With what the runner would take for syntax written as it asks for."""
    return "".join(escapes.get(character, character) for character in text)
