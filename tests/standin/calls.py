"""Calls of the stand-in's operations without a socket."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kapagate.standin.call import Call, Operation
from kapagate.standin.directives import Faults
from kapagate.standin.errors import KapaError
from kapagate.standin.operations import perform
from kapagate.standin.projects import Projects

URL = "https://kapa.example/list/"


class Kapa:
    """Two projects, each with its key."""

    def __init__(self) -> None:
        self.projects = Projects({"p1": "k1", "p2": "k2"}, "seed")

    def ask(self, operation: Operation, query: dict[str, str] | None = None, *, key: str = "k1", **more: Any) -> Any:
        """What is answered; `body` and ids of the path are keywords."""
        body = orjson.dumps(more.pop("body")) if "body" in more else b""
        ids = {"project_id": "p1", **more}
        call = Call(self.projects, key, ids, body, "application/json", Faults(), query or {}, URL, 1_000.0)
        return orjson.loads(b"".join(perform(operation, call).pieces))

    def refusal(self, operation: Operation, query: dict[str, str] | None = None, **more: Any) -> tuple[int, Any]:
        with pytest.raises(KapaError) as caught:
            self.ask(operation, query, **more)
        return caught.value.status, caught.value.body
