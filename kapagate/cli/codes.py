"""Exit codes, the same for every command. `USAGE` is click's own on wrong usage."""

from __future__ import annotations

GOOD = 0
FAILED = 1
USAGE = 2
INVALID_POLICY = 3
TESTS_FAILED = 4
LOOSENING = 5
