"""What the stand-in was sent: the last requests, whole, as they arrived."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import Struct

_SECRET_HEADERS = frozenset({"x-api-key", "authorization", "cookie"})


class Recorded(Struct, frozen=True):
    """One request. `path` is the raw target with its query; `headers` is case-blind and keeps doubles in `items()`."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    def describe(self) -> dict[str, object]:
        """As shown to whoever asks over HTTP: credentials are shortened, the body is text."""
        shown = [[name, _shorten(name, value)] for name, value in self.headers.items()]
        return {
            "method": self.method,
            "path": self.path,
            "headers": shown,
            "body": self.body.decode("utf-8", "replace"),
        }


class Recorder:
    """Keeps the last `keep` requests."""

    def __init__(self, keep: int) -> None:
        self._kept: deque[Recorded] = deque(maxlen=keep)

    @property
    def requests(self) -> list[Recorded]:
        return list(self._kept)

    def add(self, request: Recorded) -> None:
        self._kept.append(request)

    def clear(self) -> None:
        self._kept.clear()


def _shorten(name: str, value: str) -> str:
    return f"{value[:4]}..." if name.lower() in _SECRET_HEADERS else value
