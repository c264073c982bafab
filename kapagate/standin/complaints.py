"""What is wrong with a request, collected while it is read: Kapa makes all complaints at once."""

from __future__ import annotations

from kapagate.standin.errors import invalid


class Complaints:
    """Each reader returns a usable value even where it complains; call `check` before acting on any of them."""

    def __init__(self) -> None:
        self._problems: dict[str, list[str]] = {}

    def check(self) -> None:
        """Raises KapaError (400) `{name: [message]}` when any reader complained."""
        if self._problems:
            raise invalid(self._problems)

    def complain(self, name: str, message: str) -> None:
        self._problems.setdefault(name, []).append(message)
