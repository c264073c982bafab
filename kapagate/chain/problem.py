"""Refusals: RFC 9457 problems, raised where they are noticed and told in one place.

`detail` reads well in every Kapa client: they all show it. It never carries internals; what went wrong inside is the
exception's cause and goes to the log.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from kapagate.answer.refusal import Refusal

TYPE_PREFIX = "https://kapagate.dev/problems/"


class Gone(BaseException):
    """The client has left. No `Exception`: no hook can swallow it. Comes only out of hop, sink and the client's
    body.
    """


class Kind(Struct, frozen=True):
    """One kind of problem: its `type`'s last segment, its status and its title (RFC 9457, 3.1)."""

    name: str
    status: int
    title: str


class Problem(Refusal):
    """Raised to refuse. `retry_after` in seconds; `challenges` become `WWW-Authenticate` fields,
    `allow` the methods of an `Allow` field.

    `step` is filled in by the engine with the id of the step that raised, `correlation_id` and further `fields` of its
    answer by whoever tells it when there is no exchange.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        retry_after: float | None = None,
        challenges: Sequence[str] = (),
        allow: Sequence[str] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(kind.name, detail)
        self.kind = kind
        self.detail = detail
        self.retry_after = retry_after
        self.challenges = tuple(challenges)
        self.allow = tuple(allow)
        self.members = dict(members or {})
        self.step = ""
        self.correlation_id = ""
        self.fields: list[tuple[bytes, bytes]] = []

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The fields that belong to this refusal (RFC 9110, 10.2.1, 10.2.3 and 11.6.1)."""
        headers = [(b"Content-Type", b"application/problem+json"), (b"Cache-Control", b"no-store")]
        if self.retry_after is not None:
            headers.append((b"Retry-After", b"%d" % max(1, math.ceil(self.retry_after))))
        if self.allow:
            headers.append((b"Allow", ", ".join(self.allow).encode("ascii")))
        headers += [(b"WWW-Authenticate", challenge.encode("latin-1")) for challenge in self.challenges]
        return headers + self.fields

    def document(self, decision: str, correlation_id: str) -> dict[str, Any]:
        """The problem as JSON members (RFC 9457, 3)."""
        document = {
            "type": TYPE_PREFIX + self.kind.name,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "step": self.step,
            "decision": decision,
            "correlation_id": correlation_id,
        }
        return {name: value for name, value in {**document, **self.members, **document}.items() if value != ""}


class BackendFailed(Exception):
    """A back end of a step (store, key set, provider) failed: 503 under `on_error: deny`. Raise it from the cause."""
