"""Exit codes of every command; click itself exits with 2 on wrong usage."""

from __future__ import annotations

FAILED = 1
INVALID_POLICY = 3
