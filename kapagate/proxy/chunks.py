"""Where a body in chunks ends (RFC 9112, 7.1), told from its lines alone.

The parser reads the body; but it takes a line end within a quoted extension for a part of the extension, which others
take for the end of the line (the TERM.EXT kind of smuggling). Where a line ends decides where the next request begins.
So lines are found here first, by the first line feed whatever stands around it, and whatever is no line is refused.
"""

from __future__ import annotations

import re

LONGEST_LINE = 4 << 10
_EMPTY_LINE = b"\r\n\r\n"
_SIZE = re.compile(
    rb"([0-9A-Fa-f]{1,16})"
    rb"(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+"
    rb"(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+"
    rb'|"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*'
    rb"\r\n"
)


class Chunks:
    """One body in chunks. `over`: its last byte was taken."""

    __slots__ = ("_held", "_left", "_seam", "over")

    def __init__(self) -> None:
        self.over = False
        self._left = 0
        self._held = b""
        self._seam = b""

    def take(self, data: bytes) -> int:
        """How many bytes of `data`, which comes behind what was taken before, belong to the body.

        Raises ValueError for a line that is none, or too long. What stands between the lines is looked at by nobody
        here: the data's own line end and the trailers are the parser's to judge.
        """
        at = 0
        while at < len(data) and not self.over:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
            elif self._seam:
                at = self._take_trailers(data, at)
            else:
                at = self._take_size(data, at)
        return at

    def _take_size(self, data: bytes, at: int) -> int:
        found = data.find(b"\n", at)
        end = len(data) if found < 0 else found + 1
        line = self._held + data[at:end]
        if len(line) > LONGEST_LINE:
            raise ValueError("a chunk's line is too long")
        if found < 0:
            self._held = line
            return end
        self._held = b""
        said = _SIZE.fullmatch(line)
        if said is None:
            raise ValueError("a chunk's line is none")
        size = int(said[1], 16)
        if size:
            self._left = size + len(b"\r\n")
        else:
            self._seam = b"\r\n"
        return end

    def _take_trailers(self, data: bytes, at: int) -> int:
        """They end with an empty line, which may be the one behind the last chunk's."""
        seen = self._seam + data[at:]
        found = seen.find(_EMPTY_LINE)
        if found < 0:
            self._seam = seen[-3:]
            return len(data)
        self.over = True
        return at + found + len(_EMPTY_LINE) - len(self._seam)
