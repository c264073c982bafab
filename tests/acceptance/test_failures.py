"""What the client gets, and what is recorded, when something is wrong: upstream, client, ledger or question."""

from __future__ import annotations

import asyncio
import gzip
import socket
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientPayloadError

from kapagate.demo.people import ACME_KEY
from kapagate.demo.stage import Reply, Stage
from kapagate.standin.specimens import SPECIMENS
from tests.acceptance.peer import message, peer
from tests.acceptance.served import ADA, BOB, EVE, bearer, newest, served
from tests.records import of_exchanges

ASK = "/query/v1/projects/default/chat/"
STREAM = "/query/v1/projects/default/chat/stream/"
CUSTOMER = "/crm/customers/42"
ANSWER = orjson.dumps({"answer": "Hi", "thread_id": "t", "question_answer_id": "q", "is_uncertain": False})
PATIENCE = 10.0


async def ask(stage: Stage, query: str = "hi", path: str = ASK, who: tuple[str, str, str] = ADA) -> Reply:
    return await stage.ask("POST", path, {"query": query}, bearer(stage, who))


def problem_of(reply: Reply) -> str:
    """The name of the problem, which has everything that a problem of ours has."""
    document = reply.document
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert document["status"] == reply.status
    assert {"title", "detail", "decision"} <= document.keys()
    assert document["correlation_id"] == reply.headers["X-Correlation-ID"]
    return str(document["type"]).removeprefix("https://kapagate.dev/problems/")


class Gate:
    """Stands for the stand-in's sleep: tells that somebody waits, and that he was given up."""

    def __init__(self) -> None:
        self.entered, self.left, self.open = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.entered.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise


@pytest.mark.parametrize("path", [ASK, STREAM])
async def test_an_upstream_that_is_down_is_a_502(tmp_path: Path, path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nowhere = f"http://127.0.0.1:{server.getsockname()[1]}"
    async with served(tmp_path, environment={"KAPA_URL": nowhere}) as stage:
        reply = await ask(stage, path=path)
        assert (reply.status, problem_of(reply)) == (502, "upstream-unreachable")
        assert nowhere.removeprefix("http://") not in reply.body.decode()
        record = await newest(stage)
        assert (record["outcome"], record["problem"], record["status"]) == ("failed", "upstream-unreachable", 502)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("path", [ASK, STREAM])
async def test_a_key_that_kapa_refuses_is_a_502_of_its_own(tmp_path: Path, path: str, status: int) -> None:
    async with served(tmp_path) as stage:
        reply = await ask(stage, f"[[status={status}]] hi", path)
        assert (reply.status, problem_of(reply)) == (502, "upstream-credentials")
        assert "WWW-Authenticate" not in reply.headers
        assert (await newest(stage))["outcome"] == "failed"


async def test_above_the_connection_limit_nobody_waits(tmp_path: Path) -> None:
    gate = Gate()
    change = ("connections: 256", "connections: 1\n    queue: {length: 0}")
    async with served(tmp_path, change, kapa={"sleep": gate.sleep}) as stage:
        first = asyncio.create_task(ask(stage, "[[latency=1]] hi"))
        await asyncio.wait_for(gate.entered.wait(), PATIENCE)
        reply = await ask(stage)
        assert (reply.status, problem_of(reply)) == (503, "upstream-busy")
        assert int(reply.headers["Retry-After"]) > 0
        gate.open.set()
        assert (await first).status == 200
        assert (await ask(stage)).status == 200


async def test_a_tenant_above_its_share_is_told_to_come_back_and_others_are_served(tmp_path: Path) -> None:
    gate = Gate()
    change = ("connections: 4096}", "connections: 4096, exchanges_per_tenant: 1}")
    async with served(tmp_path, change, kapa={"sleep": gate.sleep}) as stage:
        first = asyncio.create_task(ask(stage, "[[latency=1]] hi"))
        await asyncio.wait_for(gate.entered.wait(), PATIENCE)
        reply = await ask(stage, who=BOB)
        assert (reply.status, problem_of(reply)) == (503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        record = await newest(stage)
        assert (record["outcome"], record["problem"], record["tenant"]) == ("failed", "unavailable", "acme")
        assert (await ask(stage, who=EVE)).status == 200
        async with stage.client.get(f"{stage.gateway.probe_url}/readyz") as ready:
            assert ready.status == 200
        gate.open.set()
        assert (await first).status == 200
        assert (await ask(stage, who=BOB)).status == 200


async def test_an_upstream_that_stays_silent_is_a_504(tmp_path: Path) -> None:
    gate = Gate()
    async with served(tmp_path, ("first_byte: 90s", "first_byte: 20ms"), kapa={"sleep": gate.sleep}) as stage:
        reply = await ask(stage, "[[latency=1]] hi")
        assert (reply.status, problem_of(reply)) == (504, "upstream-timeout")
        await asyncio.wait_for(gate.left.wait(), PATIENCE)
        assert (await newest(stage))["problem"] == "upstream-timeout"


async def test_a_stream_that_breaks_off_is_unfinished_at_the_client(tmp_path: Path) -> None:
    async with served(tmp_path) as stage:
        with pytest.raises(ClientPayloadError):
            await ask(stage, "[[cut=700]] hi", STREAM)
        record = await newest(stage)
        assert record["problem"] == "upstream-truncated"
        assert (record["status"], record["outcome"]) == (200, "failed")
        assert record["answer"]["characters"] > 0
        assert record["verdicts"]["answer"]["answer"] == "incomplete"
        assert (await ask(stage, "still there?")).status == 200


@pytest.mark.parametrize(("path", "who"), [(ASK, ADA), (STREAM, EVE)])
async def test_what_is_held_and_breaks_off_is_a_502(tmp_path: Path, path: str, who: tuple[str, str, str]) -> None:
    async with served(tmp_path) as stage:
        reply = await ask(stage, "[[cut=400]] hi", path, who)
        assert (reply.status, problem_of(reply)) == (502, "upstream-truncated")
        assert (await newest(stage))["problem"] == "upstream-truncated"


async def test_a_client_that_leaves_frees_kapa_and_is_recorded_as_gone(tmp_path: Path) -> None:
    gate = Gate()
    async with served(tmp_path, kapa={"sleep": gate.sleep}) as stage:
        body = orjson.dumps({"query": "[[stall=1]] [[size=3000]] hi"})
        url = stage.gateway.data_url + STREAM
        async with stage.client.post(url, data=body, headers=bearer(stage)) as answer:
            await answer.content.readany()
            await asyncio.wait_for(gate.entered.wait(), PATIENCE)
            answer.close()
        await asyncio.wait_for(gate.left.wait(), PATIENCE)
        assert (await recorded(stage))["outcome"] == "gone"


async def test_a_client_that_leaves_before_the_answer_frees_kapa_too(tmp_path: Path) -> None:
    gate = Gate()
    async with served(tmp_path, kapa={"sleep": gate.sleep}) as stage:
        asking = asyncio.create_task(ask(stage, "[[latency=1]] hi"))
        await asyncio.wait_for(gate.entered.wait(), PATIENCE)
        asking.cancel()
        await asyncio.wait_for(gate.left.wait(), PATIENCE)
        record = await recorded(stage)
        assert (record["outcome"], record["status"]) == ("gone", 0)


async def recorded(stage: Stage) -> dict[str, Any]:
    """The newest record, as soon as there is one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await stage.gateway.ledger.flush()
            if found := of_exchanges(await stage.gateway.ledger.query(1)):
                return found[0]


@pytest.fixture
def taken(tmp_path: Path) -> str:
    """A state that cannot be written for now: its log cannot be, since a folder has its name."""
    (tmp_path / "state.db-wal").mkdir()
    return str(tmp_path / "state.db")


async def test_a_state_that_can_never_be_kept_is_no_gateway(tmp_path: Path) -> None:
    state = str(tmp_path / "missing" / "state.db")
    with pytest.raises(FileNotFoundError, match="nothing can be kept in"):
        async with served(tmp_path, environment={"KAPAGATE_STATE": state}):
            pytest.fail("it serves")


async def test_what_cannot_be_recorded_is_not_served(tmp_path: Path, taken: str) -> None:
    async with served(tmp_path, environment={"KAPAGATE_STATE": taken}) as stage:
        reply = await ask(stage)
        assert (reply.status, problem_of(reply), reply.document["step"]) == (503, "unavailable", "audit")
        assert int(reply.headers["Retry-After"]) > 0
        assert stage.kapa.requests == []
        async with stage.client.get(f"{stage.gateway.probe_url}/health/ready") as ready:
            assert ready.status == 503
        assert "state.db" not in reply.body.decode()


async def test_where_the_policy_says_so_it_is_served_and_counted(tmp_path: Path, taken: str) -> None:
    change = ("on_full: refuse", "on_full: serve")
    async with served(tmp_path, change, environment={"KAPAGATE_STATE": taken}) as stage:
        assert (await ask(stage)).status == 200
        assert 'kapagate_audit_full_total{action="served"} 1.0' in await stage.metrics()


@pytest.mark.parametrize("kind", SPECIMENS)
async def test_personal_data_in_a_question_is_refused_where_the_policy_says_so(tmp_path: Path, kind: str) -> None:
    async with served(tmp_path, ("max_length: 4000, pii: redact", "max_length: 4000, pii: refuse")) as stage:
        reply = await ask(stage, f"Is it {SPECIMENS[kind]}, perhaps?")
        assert (reply.status, problem_of(reply), reply.document["step"]) == (422, "question-refused", "ask")
        assert stage.kapa.requests == []
        record = await newest(stage)
        assert (record["outcome"], record["step"]) == ("refused", "ask")
        assert SPECIMENS[kind] not in f"{record}{reply.body.decode()}"
        assert (await ask(stage, "Is it 12, perhaps?")).status == 200


REFUSING = ("{pii: redact, max_response_length: 8000", "{pii: refuse, max_response_length: 8000")


@pytest.mark.parametrize(("path", "who"), [(ASK, ADA), (ASK, EVE), (STREAM, EVE)])
async def test_a_whole_answer_that_is_refused_is_a_422(tmp_path: Path, path: str, who: tuple[str, str, str]) -> None:
    async with served(tmp_path, REFUSING) as stage:
        reply = await ask(stage, "[[pii]] hi", path, who)
        assert (reply.status, problem_of(reply), reply.document["step"]) == (422, "answer-refused", "answer")
        assert not [specimen for specimen in SPECIMENS.values() if specimen in reply.body.decode()]


async def test_a_stream_that_is_refused_ends_with_an_error_record(tmp_path: Path) -> None:
    async with served(tmp_path, REFUSING) as stage:
        reply = await ask(stage, "[[pii]] hi", STREAM)
        assert reply.status == 200
        records = reply.records()
        assert (records[-1]["type"], records[-1]["stream_end"]) == ("error", True)
        assert len(records) > 1
        assert not [specimen for specimen in SPECIMENS.values() if specimen in reply.body.decode()]
        record = await newest(stage)
        assert (record["outcome"], record["problem"], record["step"]) == ("refused", "answer-refused", "answer")


TEXTS = 'text: ["notes[].text"], '
HEADED = ("GET|POST /crm", "GET|HEAD|POST /crm")


async def test_head_is_answered_without_a_body(tmp_path: Path) -> None:
    async with served(tmp_path, HEADED, (TEXTS, "")) as stage:
        for _ in range(2):
            whole = await stage.ask("GET", CUSTOMER, headers=bearer(stage, BOB))
            head = await stage.ask("HEAD", CUSTOMER, headers=bearer(stage, BOB))
            assert (head.status, head.body) == (200, b"")
            assert head.headers["Content-Length"] == str(len(whole.body))
        refused = await stage.ask("HEAD", CUSTOMER, headers=bearer(stage, ADA))
        assert (refused.status, refused.body) == (403, b"")


async def test_a_coded_answer_on_a_guarded_route_is_a_502(tmp_path: Path) -> None:
    async with (
        peer(message(gzip.compress(ANSWER), "Content-Encoding: gzip")) as kapa,
        served(tmp_path, environment={"KAPA_URL": kapa.url}) as stage,
    ):
        for path in (ASK, STREAM):
            reply = await ask(stage, path=path)
            assert (reply.status, problem_of(reply)) == (502, "upstream-uninspectable")
    assert all(b"\r\nAccept-Encoding: identity\r\n" in head for head in kapa.heads)


GUARDED = (f"{TEXTS}on_uninspectable: pass", "text: [name], on_uninspectable: refuse")
PASSING = (GUARDED[0], GUARDED[1].replace("refuse", "pass"))


async def test_a_coded_answer_of_a_backend_whose_text_is_guarded_is_a_502(tmp_path: Path) -> None:
    async with (
        peer(message(gzip.compress(b"{}"), "Content-Encoding: gzip")) as crm,
        served(tmp_path, GUARDED, environment={"CRM_URL": crm.url}) as stage,
    ):
        reply = await stage.ask("GET", CUSTOMER, headers=bearer(stage, BOB))
        assert (reply.status, problem_of(reply)) == (502, "upstream-uninspectable")


@pytest.mark.parametrize("change", [GUARDED, PASSING])
async def test_a_guarded_answer_of_a_backend_loses_what_described_its_bytes(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    body = orjson.dumps({"name": f"Ann, {SPECIMENS['email']}", "note": SPECIMENS["email"]})
    async with (
        peer(message(body, 'ETag: "1"', "Digest: sha-256=x", "Accept-Ranges: bytes", "X-Kept: yes")) as crm,
        served(tmp_path, change, environment={"CRM_URL": crm.url}) as stage,
    ):
        sent = {**bearer(stage, BOB), "Range": "bytes=0-3", "If-Range": '"1"'}
        reply = await stage.ask("GET", CUSTOMER, headers=sent)
    assert reply.document == {"name": "Ann, <email>", "note": SPECIMENS["email"]}
    assert reply.headers["X-Kept"] == "yes"
    assert not {"ETag", "Digest", "Accept-Ranges"} & set(reply.headers)
    assert b"range" not in crm.heads[0].lower()


@pytest.mark.parametrize(
    "answer",
    [
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        message(b"<html>", "X: y").replace(b"application/json", b"text/html"),
        message(b"{]"),
        message(ANSWER, "Content-Range: bytes 0-9/10", status="206 Partial Content"),
        message(b"", "Location: http://127.0.0.1:1/", status="308 Permanent Redirect"),
        b"",
    ],
)
async def test_an_answer_that_is_none_is_a_502_and_nothing_of_it_goes_on(tmp_path: Path, answer: bytes) -> None:
    async with peer(answer) as kapa, served(tmp_path, environment={"KAPA_URL": kapa.url}) as stage:
        reply = await ask(stage)
        assert reply.status == 502
        assert problem_of(reply).startswith("upstream-")
        assert "Location" not in reply.headers


@pytest.mark.parametrize("status", ["400 Bad", "422 What", "429 Slow", "500 Oops"])
async def test_an_error_that_quotes_our_key_is_told_in_neutral_words(tmp_path: Path, status: str) -> None:
    quoting = orjson.dumps({"detail": f"{ACME_KEY} is odd"})
    fields = [f"X-Echo: {ACME_KEY}", f"Warning: {ACME_KEY}", "Set-Cookie: a=b"]
    async with (
        peer(message(quoting, *fields, status=f"{status} {ACME_KEY}")) as kapa,
        served(tmp_path, environment={"KAPA_URL": kapa.url}) as stage,
    ):
        reply = await ask(stage)
        assert reply.status == int(status[:3])
        assert "detail" in reply.document
        assert ACME_KEY not in f"{reply.headers}{reply.body.decode()}{await newest(stage)}"
        assert "Set-Cookie" not in reply.headers


async def test_a_flood_at_the_door_is_refused_with_the_time_to_wait(tmp_path: Path) -> None:
    async with served(tmp_path, environment={"DOOR_LIMIT_PER_MINUTE": "6", "DOOR_BURST": "2"}) as stage:
        replies = [await stage.ask("POST", ASK, {"query": "hi"}) for _ in range(3)]
    assert [reply.status for reply in replies] == [401, 401, 429]
    assert (problem_of(replies[2]), replies[2].document["step"]) == ("rate-limited", "door")
    assert int(replies[2].headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"{]", 400, "malformed-body"),
        (b'{"query": "a", "query": "b"}', 400, "malformed-body"),
        (b'{"query": "\xff"}', 400, "malformed-body"),
        (b"[" * 10_000 + b"]" * 10_000, 400, "malformed-body"),
        (b"{}", 400, "malformed-body"),
        (b'{"query": 7}', 400, "malformed-body"),
        (b"[]", 400, "malformed-body"),
        (b"", 400, "malformed-body"),
        (b'{"query": "' + b"a" * (1 << 20) + b'"}', 413, "body-too-large"),
    ],
    ids=["broken", "double key", "utf-8", "deep", "nothing", "number", "list", "empty", "large"],
)
async def test_a_body_that_is_none_is_refused_before_kapa(
    tmp_path: Path, body: bytes, status: int, problem: str
) -> None:
    async with served(tmp_path) as stage:
        url = stage.gateway.data_url + ASK
        sent = {**bearer(stage), "Content-Type": "application/json"}
        async with stage.client.post(url, data=BytesIO(body), headers=sent) as answer:
            reply = Reply(answer.status, answer.headers, await answer.read())
        assert (reply.status, problem_of(reply)) == (status, problem)
        assert stage.kapa.requests == []


async def test_two_different_credentials_are_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as stage:
        both = {**bearer(stage), "X-API-KEY": stage.keys.reporter.text}
        reply = await stage.ask("POST", ASK, {"query": "hi"}, both)
        assert (reply.status, problem_of(reply)) == (400, "ambiguous-credentials")
        assert stage.kapa.requests == []


@pytest.mark.parametrize("path", ["/query/v1/projects/default/question-answers/", "/query/v1/end_users/", "/nothing"])
async def test_what_has_no_route_is_401_for_strangers_and_404_for_callers(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as stage:
        stranger = await stage.ask("GET", path)
        assert (stranger.status, problem_of(stranger)) == (401, "credentials-required")
        assert "WWW-Authenticate" in stranger.headers
        caller = await stage.ask("GET", path, headers=bearer(stage))
        assert (caller.status, problem_of(caller)) == (404, "not-found")
        assert 'endpoint="other"' in await stage.metrics()
        assert stage.kapa.requests == []
