from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from kapagate.demo.people import Keys
from kapagate.demo.scenes import SCENES, Scene, stranger
from kapagate.demo.stage import Reply, stage
from kapagate.standin.records import encode_record
from kapagate.standin.specimens import quote_specimens


@pytest.mark.parametrize("play", SCENES, ids=lambda play: play.__name__)
async def test_every_scene_keeps_its_promises_whichever_came_before(play: Scene) -> None:
    async with stage() as scenery:
        shown = await play(scenery)
    assert shown.missed == []
    assert shown.call
    assert shown.story
    assert "\n" not in shown.call + shown.story


async def test_together_they_show_every_filter_at_work() -> None:
    async with stage() as scenery:
        for play in SCENES:
            assert (await play(scenery)).missed == []
        await scenery.gateway.ledger.flush()
        records = await scenery.gateway.ledger.query(1000)
        metrics = await scenery.metrics()
    verdicts = [each for record in records for each in record.get("verdicts", {}).items()]
    did = {step.rpartition(".")[2] for step, verdict in verdicts if len(verdict) > 1 or verdict["outcome"] != "passed"}
    assert did >= {"cors", "ip_allow", "identify", "rbac", "rate_limit", "ask", "answer", "ownership"}
    assert "kapa_queries_total{" in metrics
    assert {record["outcome"] for record in records} == {"answered", "refused", "failed", "done"}


@dataclass
class Open:
    """A stage whose gateway does nothing: it answers everything, changes nothing and refuses nobody."""

    keys: Any = field(default_factory=lambda: Keys.made(bytes))

    @property
    def kapa(self) -> Any:
        headers = {"X-API-KEY": "the-clients-own"}
        question = {"query": quote_specimens(), "user": {"email": "ada@acme.example"}}
        return type("Kapa", (), {"requests": [type("Request", (), {"json": question, "headers": headers})]})

    def token(self, *who: str) -> str:
        return "token"

    async def kapa_says(self, path: str, body: Any, headers: Mapping[str, str]) -> Reply:
        return await self.ask("POST", path, body)

    async def hook(self, identifier: str, event: Any, **more: str) -> Reply:
        return await self.ask("POST", "/hooks/billing", event)

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        text = quote_specimens()
        if path.endswith("stream/") or (isinstance(body, dict) and body.get("stream")):
            return Reply(200, {}, encode_record("partial_answer", {"text": text}))
        listed = path.endswith(("retrieval/", "deliveries"))
        return Reply(200, {}, orjson.dumps([] if listed else {"answer": text, "id": "43", "name": text}))


@pytest.mark.parametrize("play", SCENES, ids=lambda play: play.__name__)
async def test_no_scene_is_content_with_a_gateway_that_does_nothing(play: Scene) -> None:
    shown = await play(Open())  # type: ignore[arg-type]  # it plays the part
    assert shown.missed


async def test_a_refusal_of_somebody_else_is_not_the_promised_one() -> None:
    class Other(Open):
        async def ask(self, *arguments: Any, **more: Any) -> Reply:
            headers = {"Content-Type": "application/problem+json"}
            return Reply(401, headers, orjson.dumps({"type": "https://kapagate.dev/problems/invalid-credentials"}))

    shown = await stranger(Other())  # type: ignore[arg-type]  # it plays the part
    assert shown.missed == ["problem credentials-required"]
