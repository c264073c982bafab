"""The system's source of identifiers.

A question to the kernel costs as much as a whole step of the chain, so it is asked for 128 identifiers at a time. Each
is handed out once and kept nowhere: what is still in stock is as unguessable as what would be asked for now. A child
process starts without a stock, so that no two processes share one.
"""

from __future__ import annotations

import os

_AT_ONCE = 128
_DIGITS = 32


class SystemIds:
    """`Ids` of the machine: 128 bits of the kernel's randomness as 32 hex digits."""

    __slots__ = ("_stock",)

    def __init__(self) -> None:
        self._stock: list[str] = []
        os.register_at_fork(after_in_child=self._stock.clear)

    def __call__(self) -> str:
        try:
            return self._stock.pop()
        except IndexError:
            digits = os.urandom(_AT_ONCE * _DIGITS // 2).hex()
            self._stock += [digits[start : start + _DIGITS] for start in range(_DIGITS, len(digits), _DIGITS)]
            return digits[:_DIGITS]
