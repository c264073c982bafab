"""The system's source of identifiers."""

from __future__ import annotations

import os


class SystemIds:
    """`Ids` of the machine: 128 bits of the kernel's randomness as 32 hex digits."""

    __slots__ = ()

    def __call__(self) -> str:
        return os.urandom(16).hex()
