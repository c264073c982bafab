"""Problems as text: place, severity, code, sentence, the source line with a caret, what was probably meant, the page.

What comes from a file or an environment is escaped: a policy cannot write to the reader's terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from kapagate.policy.finding import Diagnostic
from kapagate.policy.position import Span
from kapagate.policy.source import Source

_WIDTH = 160
_LEAD = 40
_PLAIN = "\x1b[0m"
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m"}


def escaped(text: str) -> str:
    """Control, format (bidi) and surrogate characters as `\\xNN`, so that each stays visible and harmless."""
    return "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def render_all(found: Iterable[Diagnostic], sources: Mapping[str, Source], colour: bool = False) -> str:
    """All problems, a blank line between them. No quoted line shows what one of them calls a secret."""
    problems = list(found)
    secrets = [each.span for each in problems if each.masked]
    return "\n\n".join(render(each, sources, secrets, colour) for each in problems)


def render(found: Diagnostic, sources: Mapping[str, Source], secrets: Sequence[Span] = (), colour: bool = False) -> str:
    """One problem, without a newline at its end. `secrets` are places that are not shown; `colour`: for a terminal."""
    severity = found.code.severity
    begin, end = (_COLOURS[severity], _PLAIN) if colour else ("", "")
    lines = [f"{escaped(str(found.span))}  {begin}{severity} {found.code.name}{end}  {escaped(found.message)}"]
    source, line = sources.get(found.span.file), found.span.line
    margin = max(5, len(str(line)))
    if source and source.shown and 0 < line <= len(source.lines):
        hidden = [span for span in (*secrets, *([found.span] if found.masked else [])) if span.file == source.name]
        text, caret = _excerpt(_masked(source.lines[line - 1], line, hidden), found.span)
        lines += [f"{line:>{margin}} | {text}".rstrip(), f"{' ' * margin} | {caret[0]}{begin}{caret[1]}{end}"]
    if found.suggestion:
        lines.append(f'{" " * margin} did you mean "{escaped(found.suggestion)}"?')
    if found.note:
        lines.append(f"{' ' * margin} {escaped(found.note)}")
    lines.append(f"{' ' * margin} see {found.code.page}")
    return "\n".join(lines)


def _masked(text: str, line: int, hidden: Iterable[Span]) -> str:
    """A line of a file without the parts of it that are hidden."""
    for span in hidden:
        if span.line <= line <= span.end_line:
            start = span.column - 1 if line == span.line else 0
            end = span.end_column - 1 if line == span.end_line else len(text)
            text = text[:start] + "*" * len(text[start:end]) + text[end:]
    return text


def _excerpt(line: str, span: Span) -> tuple[str, tuple[str, str]]:
    """The line, and blanks and carets for the one below it; of a long line only what surrounds the span."""
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
    end = max(end, start + 1)
    first = max(0, start - _LEAD) if len(line) > _WIDTH else 0
    before, at, after = line[first:start], line[start:end], line[end : first + _WIDTH]
    before, at, after = _one_column(before), _one_column(at[:_WIDTH]), _one_column(after)
    shown = f"{'...' if first else ''}{before}"
    return f"{shown}{at}{after}", (" " * len(shown), "^" * max(1, len(at)))


def _one_column(text: str) -> str:
    return escaped(text.replace("\t", " "))
