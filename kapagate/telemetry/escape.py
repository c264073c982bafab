"""Text from outside, made safe for logs and terminals."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: C0 with ESC, DEL, C1 with CSI
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # bidirectional, invisible and line-breaking
    "\ud800-\udfff]"  # what was no UTF-8
)
_UNSAFE_IN_LINES = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))


def escaped(text: str, longest: int) -> str:
    """At most `longest` characters and an ellipsis; control, ANSI and bidi characters are spelt `\\x1b`, `\\u202e`."""
    if len(text) > longest:
        text = text[:longest] + "…"
    return text if text.isprintable() else _UNSAFE.sub(_spelt, text)


def escaped_lines(text: str, longest: int) -> str:
    """The same for text of several lines: line feeds stay."""
    if len(text) > longest:
        text = text[:longest] + "…"
    return _UNSAFE_IN_LINES.sub(_spelt, text)


def _spelt(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
