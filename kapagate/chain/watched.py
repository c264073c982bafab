"""The port to files that are read again when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Watched(Protocol):
    """Files that are watched as long as somebody wants to know."""

    def watch(self, path: str, take: Callable[[str], None]) -> None:
        """Gives the file's text to `take`, a bound method: at once, and from another thread whenever it is another, as
        long as its object lives. Raises LookupError with a sentence for a file that cannot be read now, and what `take`
        raises now. Later failures are logged and counted, and what `take` had stands.
        """
