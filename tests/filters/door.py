"""The gateway of `gateway.py` with further steps in front of its gate, and routes with gates of their own."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from kapagate.chain.entry import Entry
from kapagate.chain.generation import Live
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Inbound
from kapagate.chain.services import Services
from kapagate.chain.watched import Watched
from kapagate.policy.load import Loaded, load_policy
from kapagate.remote.references import References
from kapagate.remote.watched import WatchedFiles
from tests.chain.conftest import ListSink, SentBody
from tests.filters.gateway import ENVIRONMENT, KEYS, PATHS, QUESTION, Gateway, Told, chat, inbound, policy

Pairs = Sequence[tuple[str, str]]
ANN = ("X-Api-Key", KEYS["ann"].text)


class Door(Gateway):
    """`gate` and `routes` are lines of YAML; `changes` are made in the rest of the policy. Where a route is public, the
    steps that must know who asks are for the others.
    """

    def __init__(self, gate: str = "", routes: str = "", *changes: tuple[str, str]) -> None:
        super().__init__()
        self.watched = WatchedFiles(self.meter)
        loaded = load(gate, routes, *changes, services=self.services().with_ports({Watched: self.watched}))
        assert loaded.generation is not None, loaded.report()
        ids = (f"{number:032x}" for number in itertools.count())
        self.entry = Entry(Live(loaded.generation), self.clock, lambda: next(ids))

    async def knock(
        self,
        method: str,
        path: str,
        *headers: tuple[str, str],
        client: str = "192.0.2.1",
        answer: Inbound | None = None,
        body: Any = QUESTION,
    ) -> Told:
        self.kapa.answer = answer or inbound(chat("Fine."))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        sink = ListSink(self.patience)
        data = b"" if method in ("GET", "OPTIONS") else orjson.dumps(body)
        ex = self.entry.admit(method, PATHS.get(path, path).encode(), Headers(raw), SentBody(data), client)
        await self.entry.run(ex, sink)
        return Told(ex, sink, (await self.ledger.query(1))[0])


def load(gate: str = "", routes: str = "", *changes: tuple[str, str], services: Services | None = None) -> Loaded:
    text = policy("").replace("gate:\n", f"gate:\n{gate}") + routes
    if "public: true" in routes:
        text = text.replace("id: loose\n", "id: loose\n    when: {public: false}\n")
        text = text.replace("  - rbac: {}\n", "  - rbac: {}\n    when: {public: false}\n")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.yaml"
        path.write_text(text, encoding="utf-8")
        made = services or Gateway("").services()
        return load_policy([path], References(ENVIRONMENT), lambda settings: made)


def fields(told: Told, name: str) -> list[str]:
    """All values of one field of the answer."""
    return [value.decode() for each, value in told.sink.head.headers if each.lower() == name.lower().encode()]


def cors_fields(told: Told) -> dict[str, str]:
    found = [(name.decode().lower(), value.decode()) for name, value in told.sink.head.headers]
    ours = [(name.removeprefix("access-control-"), value) for name, value in found if name.startswith("access-control")]
    assert len(ours) == len(dict(ours)), "no field stands twice"
    return dict(ours)
