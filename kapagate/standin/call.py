"""What an operation gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson
from msgspec import Struct, field

from kapagate.standin.directives import FaultError, Faults, take_directives
from kapagate.standin.errors import invalid
from kapagate.standin.projects import Projects


class Call(Struct, frozen=True):
    """An authenticated request: its key, the ids in its path, its body, and the faults switched on at start.

    `query` are its parameters, `url` is its own without them, `now` is Unix time.
    """

    projects: Projects
    key: str
    ids: Mapping[str, str]
    body: bytes
    content_type: str
    faults: Faults
    query: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    now: float = 0.0

    def project(self) -> str:
        """The project of the path; raises KapaError (404)."""
        return self.projects.enter_project(self.key, self.ids["project_id"])


class Reply(Struct, frozen=True):
    """`pieces` are the body as it is to be written; a streamed one is sent without its length."""

    pieces: tuple[bytes, ...]
    faults: Faults
    streamed: bool = False
    status: int = 200
    headers: Mapping[str, str] | None = None
    content_type: str = "application/json"


Operation = Callable[[Call], Reply]


def reply(body: object, faults: Faults) -> Reply:
    """One JSON value."""
    return Reply((orjson.dumps(body),), faults)


def take(text: str, base: Faults, field: str) -> tuple[str, Faults]:
    """The text without its directives, and the faults; raises KapaError (400) for a directive with a bad value."""
    try:
        return take_directives(text, base)
    except FaultError as error:
        raise invalid({field: [str(error)]}) from None
