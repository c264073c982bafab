"""Event streams of internal backends through the served gateway: every event leaves as it comes, guarded or not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from kapagate.demo.stage import Stage
from kapagate.standin.specimens import SPECIMENS
from tests.acceptance.events import Speaker, speaking
from tests.acceptance.served import BOB, bearer, newest, served

PATIENCE = 10.0
CRM = 'match: "GET|POST /crm/{rest:*}", upstream: crm'
TOLD = (CRM, f'{CRM}, running_text: ["choices[].delta.content"]')
NEWS = (CRM, f"{CRM}, running_text: []")
SYNC = ("audit: {include: [question], on_full: refuse}", "audit: {include: [question], durability: sync}")
CARD = SPECIMENS["card"]


def said(text: str) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n".encode()


async def heard(stage: Stage, speaker: Speaker, count: int) -> tuple[list[bytes], dict[str, str]]:
    """What arrives, an event at a time; the next is only said when `count` are here."""
    found = bytearray()
    sent = bearer(stage, BOB)
    async with (
        asyncio.timeout(PATIENCE),
        stage.client.post(f"{stage.gateway.data_url}/crm/talk", json={}, headers=sent) as answer,
    ):
        async for piece in answer.content.iter_any():
            found += piece
            if found.count(b"\n\n") >= count:
                speaker.go_on.release()
                count += 1
        return bytes(found).split(b"\n\n")[:-1], dict(answer.headers)


@pytest.mark.parametrize("change", [None, NEWS])
async def test_every_event_leaves_as_it_comes(tmp_path: Path, change: tuple[str, str] | None) -> None:
    events = [said("Hello there. "), b": still here\n\n", said("Good bye. "), b'id: 7\ndata: {"done":true}\n\n']
    async with speaking(*events) as speaker:
        changes = (change,) if change else ()
        async with served(tmp_path, *changes, environment={"CRM_URL": speaker.url}) as stage:
            found, headers = await heard(stage, speaker, 1)
            record = await newest(stage)
    assert [json.loads(each.split(b"data: ")[1]) for each in found if b"data: " in each] == [
        json.loads(each.split(b"data: ")[1]) for each in events if b"data: " in each
    ]
    assert found[1] == b": still here"
    assert (headers["Content-Type"], headers["X-Accel-Buffering"]) == ("text/event-stream", "no")
    assert record["outcome"] == "answered"
    verdict = record["verdicts"]["answer"]
    if change is None:
        assert (verdict["outcome"], verdict["reason"]) == ("skipped", "uninspectable")


async def test_running_text_leaves_as_soon_as_it_is_sure(tmp_path: Path) -> None:
    events = [said("Hello there, dear reader. "), said("Good bye, and come again. "), b"data: [DONE]\n\n"]
    async with (
        speaking(*events) as speaker,
        served(tmp_path, TOLD, environment={"CRM_URL": speaker.url}) as stage,
    ):
        found, headers = await heard(stage, speaker, 1)
        record = await newest(stage)
    pieces = [json.loads(each.removeprefix(b"data: ")) for each in found[:-1]]
    text = "".join(each["choices"][0]["delta"]["content"] for each in pieces)
    assert (text, found[-1]) == ("Hello there, dear reader. Good bye, and come again. ", b"data: [DONE]")
    assert headers["X-Accel-Buffering"] == "no"
    assert record["verdicts"]["answer"]["answer"] == "enforced"


async def test_a_sealed_record_keeps_no_news_waiting(tmp_path: Path) -> None:
    events = [b'data: {"n":1}\n\n', b'data: {"n":2}\n\n']
    async with (
        speaking(*events) as speaker,
        served(tmp_path, NEWS, SYNC, environment={"CRM_URL": speaker.url}) as stage,
    ):
        found, _ = await heard(stage, speaker, 1)
    assert found == [b'data: {"n":1}', b'data: {"n":2}']


async def test_a_card_number_that_is_cut_over_events_does_not_arrive(tmp_path: Path) -> None:
    half = len(CARD) // 2
    events = [said("Pay with "), said(CARD[:half]), said(CARD[half:]), said(" now."), b"data: [DONE]\n\n"]
    async with (
        speaking(*events) as speaker,
        served(tmp_path, TOLD, environment={"CRM_URL": speaker.url}) as stage,
    ):
        for _ in events:
            speaker.go_on.release()
        found, _ = await heard(stage, speaker, 99)
        record = await newest(stage)
    pieces = [json.loads(each.removeprefix(b"data: ")) for each in found[:-1]]
    assert "".join(each["choices"][0]["delta"]["content"] for each in pieces) == "Pay with <card> now."
    assert found[-1] == b"data: [DONE]"
    assert record["verdicts"]["answer"]["edits"] == {"card": 1}
    assert speaker.heads[0]["Accept-Encoding"] == "identity"


async def test_a_refusal_in_the_middle_is_the_streams_last_event(tmp_path: Path) -> None:
    refuse = ("guard_answer:\n      {pii: redact", "guard_answer:\n      {pii: refuse")
    events = [
        said("A long sentence that has left before. "),
        said(f"Write to {SPECIMENS['email']} now."),
        said(" More."),
    ]
    async with (
        speaking(*events) as speaker,
        served(tmp_path, TOLD, refuse, environment={"CRM_URL": speaker.url}) as stage,
    ):
        found, _ = await heard(stage, speaker, 1)
        record = await newest(stage)
    assert json.loads(found[0].removeprefix(b"data: "))["choices"][0]["delta"]["content"].startswith("A long")
    name, data = found[-1].split(b"\n")
    assert name == b"event: error"
    assert "message" in json.loads(data.removeprefix(b"data: "))["error"]
    assert (record["status"], record["outcome"], record["problem"]) == (200, "refused", "answer-refused")


async def test_a_held_stream_is_refused_whole(tmp_path: Path) -> None:
    refuse = ("guard_answer:\n      {pii: redact", "guard_answer:\n      {pii: refuse")
    held = ('url: "${env:CRM_URL}"', 'url: "${env:CRM_URL}"\n    stream: buffer')
    async with (
        speaking(said("Long before. "), said(f"Write to {SPECIMENS['email']} now.")) as speaker,
        served(tmp_path, TOLD, refuse, held, environment={"CRM_URL": speaker.url}) as stage,
    ):
        speaker.go_on.release()
        reply = await stage.ask("POST", "/crm/talk", {}, bearer(stage, BOB))
    assert reply.status == 422
    assert reply.document["rule"] == "email"


async def test_events_that_nobody_says_how_to_read_are_a_502(tmp_path: Path) -> None:
    text = ("on_uninspectable: pass}", "on_uninspectable: refuse}")
    async with (
        speaking(said("Hi")) as speaker,
        served(tmp_path, text, environment={"CRM_URL": speaker.url}) as stage,
    ):
        reply = await stage.ask("GET", "/crm/talk", headers=bearer(stage, BOB))
    assert reply.status == 502
    assert "running_text" in reply.document["detail"]
