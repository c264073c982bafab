"""Whether what is written may have colours: to a terminal, unless the reader said that there shall be none."""

from __future__ import annotations

import os
from typing import TextIO


def is_coloured(stream: TextIO) -> bool:
    """`NO_COLOR` (no-color.org) counts when it is not empty."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
