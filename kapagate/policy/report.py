"""Problems as text: place, severity, code, sentence, the source line with a caret, what was probably meant.

What comes from a file or an environment is escaped: a policy cannot write to the reader's terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from kapagate.policy.finding import Diagnostic
from kapagate.policy.position import Span
from kapagate.policy.source import Source

_WIDTH = 160
_LEAD = 40


def escaped(text: str) -> str:
    """Control, format (bidi) and surrogate characters as `\\xNN`, so that each stays visible and harmless."""
    return "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def render(found: Diagnostic, sources: Mapping[str, Source]) -> str:
    """One problem, without a newline at its end."""
    severity = found.code.severity
    lines = [f"{escaped(str(found.span))}  {severity} {found.code.name}  {escaped(found.message)}"]
    source = sources.get(found.span.file)
    margin = 5
    if source and source.shown and 0 < found.span.line <= len(source.lines):
        margin = max(5, len(str(found.span.line)))
        lines += _excerpt(source.lines[found.span.line - 1], found.span, margin, found.masked)
    if found.suggestion:
        lines.append(f'{" " * margin} did you mean "{escaped(found.suggestion)}"?')
    if found.note:
        lines.append(f"{' ' * margin} {escaped(found.note)}")
    return "\n".join(lines)


def render_all(found: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """All problems, a blank line between them."""
    return "\n\n".join(render(each, sources) for each in found)


def _excerpt(line: str, span: Span, margin: int, masked: bool) -> list[str]:
    """The line and the caret under the span; of a long line only what surrounds it."""
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
    end = max(end, start + 1)
    if masked:
        line = line[:start] + "*" * len(line[start:end]) + line[end:]
    first = max(0, start - _LEAD) if len(line) > _WIDTH else 0
    before, at, after = line[first:start], line[start:end], line[end : first + _WIDTH]
    before, at, after = _one_column(before), _one_column(at[:_WIDTH]), _one_column(after)
    shown = f"{'...' if first else ''}{before}"
    return [
        f"{span.line:>{margin}} | {shown}{at}{after}".rstrip(),
        f"{' ' * margin} | {' ' * len(shown)}{'^' * max(1, len(at))}",
    ]


def _one_column(text: str) -> str:
    return escaped(text.replace("\t", " "))
