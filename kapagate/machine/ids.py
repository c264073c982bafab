"""The system's source of identifiers."""

from __future__ import annotations

import os


def system_id() -> str:
    """`Ids` of the machine: 128 bits of the kernel's randomness as 32 hex digits."""
    return os.urandom(16).hex()
