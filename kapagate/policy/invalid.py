"""Declarations that refuse to be compiled: their sentence at the place of the field that they blame."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from kapagate.chain.filter import Contradicted, Invalid
from kapagate.policy import codes
from kapagate.policy.annotations import Path
from kapagate.policy.finding import Diagnostics
from kapagate.policy.position import Span
from kapagate.policy.suggestion import closest

T = TypeVar("T")
log = logging.getLogger(__name__)
_NO_SUCH = re.compile(r"there is no (role|permission|tenant|route or operation) '([^']*)'")
_CODES = {
    "role": codes.UNKNOWN_ROLE,
    "permission": codes.UNKNOWN_PERMISSION,
    "tenant": codes.UNKNOWN_TENANT,
    "route or operation": codes.UNKNOWN_ROUTE,
}
_PORTS = {
    "Pseudonyms": (
        "this makes pseudonyms of persons, and the policy has no key for them",
        "declare `pseudonyms: {key: ...}` in the Gateway document",
    )
}


class Known(Struct, frozen=True):
    """The names that a policy declares."""

    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()

    def of(self, what: str) -> tuple[str, ...]:
        names = {"role": self.roles, "permission": self.permissions, "tenant": self.tenants}
        return names.get(what, self.routes)


def note_invalid(cause: Invalid, span: Span, known: Known, problems: Diagnostics, note: str | None = None) -> None:
    """Notes a refusal; names that do not exist get the closest that does."""
    if isinstance(cause, Contradicted):
        problems.add(codes.CONTRADICTED, span, str(cause), note=note)
        return
    missing = _NO_SUCH.search(str(cause))
    if missing is None:
        code = codes.ROLE_CYCLE if "includes itself" in str(cause) else codes.UNWORKABLE
        said = str(cause).replace("'", '"') if code is codes.ROLE_CYCLE else str(cause)
        problems.add(code, span, said, note=note)
        return
    what, word = missing.groups()
    suggestion = None if note else closest(word, known.of(what))
    problems.add(_CODES[what], span, str(cause).replace("'", '"'), suggestion=suggestion, note=note)


def attempt(
    make: Callable[[], T], origin: Span, place: Callable[[Path], Span], known: Known, problems: Diagnostics
) -> T | None:
    """Compiles something; what it raises becomes a problem at the place of the field it blames, or at its origin.

    Even a bug in a declaration does: a policy is never answered with a traceback.
    """
    try:
        return make()
    except Invalid as cause:
        note_invalid(cause, place(cause.at) if cause.at else origin, known, problems)
    except LookupError as cause:
        port = str(cause).removeprefix("no ").removesuffix(" here")
        message, note = _PORTS.get(port, (f"this cannot work here: {cause}", None))
        problems.add(codes.UNWORKABLE, origin, message, note=note)
    except Exception as cause:
        log.debug("a declaration failed to compile", exc_info=True)
        problems.add(codes.UNWORKABLE, origin, f"this fails while it is loaded ({type(cause).__name__})")
    return None
