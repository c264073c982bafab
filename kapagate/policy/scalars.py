"""YAML 1.2 core scalars (yaml.org/spec/1.2.2, 10.3.2), a little narrower.

`yes`, `no`, `on`, `off`, dates and `1:30:00` are text. So are numbers that not everybody reads alike: with leading
zeros, infinite, not a number, or longer than 18 digits. Since other readers of the same file, YAML 1.1's above all,
take them for something else, they are `Doubtful`: where a text is meant they need quotes.
"""

from __future__ import annotations

import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})(\.[0-9]{0,18})?([eE][-+]?[0-9]{1,2})?|[-+]?\.[0-9]{1,18}")


_TAKEN_FOR = (
    (re.compile(r"yes|Yes|YES|on|On|ON"), "true"),
    (re.compile(r"no|No|NO|off|Off|OFF"), "false"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?"), "a date"),
    (re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"), "a number"),
    (re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?"), "a number"),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|[-+]?0(b[01_]+|[xo][0-9a-fA-F_]+)"), "a number"),
)


class Doubtful(str):
    """A text without quotes that other readers take for something else."""

    __slots__ = ()

    @property
    def taken_for(self) -> str:
        """`true`, `false`, `a date`, `a number`."""
        return _taken_for(self)


def _taken_for(text: str) -> str:
    return next((what for pattern, what in _TAKEN_FOR if pattern.fullmatch(text)), "")


def meaning(text: str) -> str | int | float | bool | None:
    """What a plain (unquoted) scalar stands for."""
    if text in _NULL:
        return None
    first = text[0]
    if first in "tTfF":
        if text in _TRUE:
            return True
        return False if text in _FALSE else text
    if first in "-+.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            return float(text)
    elif first not in "yYnNoO":
        return text
    return Doubtful(text) if _taken_for(text) else text
