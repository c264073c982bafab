"""Files that are named and read again when they change, and the port to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator, Field

from kapagate.chain.secret import Resolved


def _named(value: Any) -> Any:
    if isinstance(value, Resolved) and value.reference.startswith("${file:"):
        raise ValueError("name the file itself, not what it holds: it is read again when it changes")
    return value


FilePath = Annotated[str, BeforeValidator(_named), Field(min_length=1)]


class Watched(Protocol):
    """Files that are watched as long as somebody wants to know."""

    def watch(self, path: str, take: Callable[[str], None]) -> None:
        """Gives the file's text to `take`, a bound method: at once, and from another thread whenever it is another, as
        long as its object lives. Raises LookupError with a sentence for a file that cannot be read now, and what `take`
        raises now. Later failures are logged and counted, and what `take` had stands.
        """
