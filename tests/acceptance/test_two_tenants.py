"""Two tenants, and two subjects of one: nobody gets anywhere with the ids of somebody else.

Ada of acme opened a thread. Carl of acme and Eve of globex know its ids, and try them everywhere; the unknown ids
beside them show what they are told of what nobody has. The stand-in is the witness: what it was asked with a foreign
id got through. `shared`: both tenants have the same project and key, so that nobody but the gateway keeps them apart.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from aiohttp import ClientSession
from yarl import URL

from kapagate.demo.people import ACME_KEY, ACME_PROJECT, Keys
from kapagate.demo.stage import POLICY, Reply, Stage
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.remote.references import References
from kapagate.run import open_gateway
from kapagate.standin import StandIn
from tests.acceptance.served import ADA, ANYWHERE, EVE, UNLIMITED, bearer, served

CARL = ("carl", "acme", "viewer")
ADMIN = ("root", "acme", "admin")
STRANGERS = pytest.mark.parametrize("who", [CARL, EVE], ids=["another-subject", "another-tenant"])
UNKNOWN_THREAD, UNKNOWN_ANSWER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
SHARED = {"KG_GLOBEX_PROJECT": ACME_PROJECT, "KG_GLOBEX_KEY": ACME_KEY}
REFUSES = ("    stream: window", "    unknown_thread: refuse\n    stream: window")
QUESTION = {"query": "How do I install it?"}


@dataclass(frozen=True)
class Ids:
    thread: str
    answer: str

    def changed(self, spelt: Any) -> Ids:
        return Ids(spelt(self.thread), spelt(self.answer))


UNKNOWN = Ids(UNKNOWN_THREAD, UNKNOWN_ANSWER)


@pytest.fixture(params=[{}, SHARED], ids=["apart", "shared"])
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with served(tmp_path, environment=request.param) as stage:
        yield stage


async def asked(stage: Stage, who: tuple[str, str, str], **more: Any) -> Ids:
    reply = await stage.ask("POST", "/query/v1/projects/default/chat/", {**QUESTION, **more}, bearer(stage, who))
    assert reply.status == 200
    return Ids(reply.document["thread_id"], reply.document["question_answer_id"])


def in_path(name: str, ids: Ids, tenant: str) -> tuple[str, str, Any]:
    """Method, path and body of what names a foreign id where the operation has a place for one."""
    thread = f"/query/v1/threads/{ids.thread}/"
    upvote = {"reaction": "upvote"}
    calls: Mapping[str, tuple[str, str, Any]] = {
        "thread chat": ("POST", f"{thread}chat/", QUESTION),
        "thread chat, streamed": ("POST", f"{thread}chat/stream/", QUESTION),
        "thread": ("GET", thread, None),
        "thread with everything": ("GET", f"{thread}?include=feedback,end_user,integration", None),
        "thread under one's own tenant": ("GET", f"/t/{tenant}{thread}", None),
        "thread chat under one's own tenant": ("POST", f"/t/{tenant}{thread}chat/", QUESTION),
        "query": ("POST", "/api/kapa/query", {**QUESTION, "thread_id": ids.thread}),
        "query, streamed": ("POST", "/api/kapa/query", {**QUESTION, "thread_id": ids.thread, "stream": True}),
        "feedback": ("POST", "/query/v1/feedback/upsert/", {"question_answer": ids.answer, **upvote}),
        "feedback as another": (
            "POST",
            "/query/v1/feedback/upsert/",
            {"question_answer": ids.answer, **upvote, "user_identifier": "ada"},
        ),
        "gateway's feedback": ("POST", "/api/kapa/feedback", {"question_answer_id": ids.answer, "helpful": True}),
        "gateway's feedback, other name": ("POST", "/api/kapa/feedback", {"response_id": ids.answer, "helpful": False}),
    }
    return calls[name]


PLACES = [
    *("thread chat", "thread chat, streamed", "thread", "thread with everything", "thread under one's own tenant"),
    *("thread chat under one's own tenant", "query", "query, streamed", "feedback", "feedback as another"),
    *("gateway's feedback", "gateway's feedback, other name"),
]


def told(reply: Reply) -> tuple[int, list[str], dict[str, Any]]:
    """What somebody can learn of a refusal: all of it, but for the names of this one exchange."""
    document = {key: value for key, value in reply.document.items() if key not in ("decision", "correlation_id")}
    return reply.status, sorted(reply.headers), document


def witnessed(stage: Stage, ids: Ids) -> list[str]:
    """What Kapa was asked with these ids, but for whose a thread is."""
    needles = [each.lower().encode() for each in (ids.thread, ids.answer)]
    return [
        f"{each.method} {each.path}"
        for each in stage.kapa.requests
        if any(needle in each.path.lower().encode() + each.body.lower() for needle in needles)
        and not (each.method == "GET" and each.path == f"/query/v1/threads/{ids.thread}/?include=end_user")
    ]


@STRANGERS
@pytest.mark.parametrize("place", PLACES)
async def test_a_foreign_id_is_the_same_404_as_an_unknown_one(
    stage: Stage, who: tuple[str, str, str], place: str
) -> None:
    ids = await asked(stage, ADA)
    stage.kapa.clear()
    foreign, unknown = [await _call(stage, who, *in_path(place, each, who[1])) for each in (ids, UNKNOWN)]
    assert foreign.status == 404
    assert told(foreign) == told(unknown)
    assert len(foreign.body) == len(unknown.body)
    assert witnessed(stage, ids) == []
    owner = await _call(stage, ADA, *in_path(place, ids, ADA[1]))
    assert owner.status == 200


SPELLINGS = {
    "upper case": str.upper,
    "percent-encoded": lambda name: "".join(f"%{ord(each):02X}" for each in name),
    "one character percent-encoded": lambda name: f"%{ord(name[0]):02x}{name[1:]}",
    "mixed": lambda name: name[:8].upper() + name[8:],
}


IN_PATHS, IN_BODIES = ("thread chat", "thread"), ("feedback", "query")
SPELT = [(place, spelling) for place in IN_PATHS for spelling in SPELLINGS]
SPELT += [(place, spelling) for place in IN_BODIES for spelling in SPELLINGS if "percent" not in spelling]


@STRANGERS
@pytest.mark.parametrize(("place", "spelling"), SPELT)
async def test_no_spelling_of_a_foreign_id_gets_through(
    stage: Stage, who: tuple[str, str, str], place: str, spelling: str
) -> None:
    ids = await asked(stage, ADA)
    stage.kapa.clear()
    reply = await _call(stage, who, *in_path(place, ids.changed(SPELLINGS[spelling]), who[1]))
    assert told(reply) == told(await _call(stage, who, *in_path(place, UNKNOWN, who[1])))
    assert reply.status == 404
    assert witnessed(stage, ids) == []
    assert (await _call(stage, ADA, *in_path(place, ids.changed(SPELLINGS[spelling]), ADA[1]))).status == 200


@STRANGERS
async def test_a_foreign_tenants_prefix_opens_nothing(stage: Stage, who: tuple[str, str, str]) -> None:
    ids = await asked(stage, ADA)
    stage.kapa.clear()
    reply = await _call(stage, EVE, "POST", f"/t/acme/query/v1/threads/{ids.thread}/chat/", QUESTION)
    assert reply.status == 404
    assert witnessed(stage, ids) == []


def doubled(name: str, value: str, first: bytes = b"null") -> bytes:
    """An object with the same key twice."""
    key = orjson.dumps(name)
    return b'{"query":"q","reaction":"upvote","helpful":true,%b:%b,%b:%b}' % (key, first, key, orjson.dumps(value))


@STRANGERS
async def test_a_foreign_id_is_not_smuggled_in(stage: Stage, who: tuple[str, str, str]) -> None:
    ids, own = await asked(stage, ADA), await asked(stage, who)
    stage.kapa.clear()
    chat, mine = "/query/v1/projects/default/chat/", f"/query/v1/threads/{own.thread}"
    smuggled: list[tuple[str, str, Any, dict[str, str]]] = [
        ("POST", chat, {**QUESTION, "thread_id": ids.thread}, {}),
        ("POST", f"{chat}?thread_id={ids.thread}", QUESTION, {}),
        ("POST", chat, QUESTION, {"X-Thread-Id": ids.thread, "Cookie": f"thread_id={ids.thread}"}),
        ("POST", f"{mine}/chat/", {**QUESTION, "thread_id": ids.thread}, {}),
        ("POST", f"{mine}/chat/?thread_id={ids.thread}", QUESTION, {}),
        ("POST", f"{mine}/../{ids.thread}/chat/", QUESTION, {}),
        ("POST", f"{mine}/..%2f{ids.thread}/chat/", QUESTION, {}),
        ("POST", f"{mine}%2F..%2F{ids.thread}/chat/", QUESTION, {}),
        ("POST", f"{mine},{ids.thread}/chat/", QUESTION, {}),
        ("POST", f"{mine};{ids.thread}/chat/", QUESTION, {}),
        ("POST", "/api/kapa/query", doubled("thread_id", ids.thread), {}),
        ("POST", "/api/kapa/query", doubled("thread_id", ids.thread, orjson.dumps(own.thread)), {}),
        ("POST", "/api/kapa/query", {**QUESTION, "thread_id": [ids.thread]}, {}),
        ("POST", "/api/kapa/query", {**QUESTION, "thread_id": {"id": ids.thread}}, {}),
        ("POST", "/api/kapa/query", {**QUESTION, "thread_id": f" {ids.thread}"}, {}),
        ("POST", "/api/kapa/query", {**QUESTION, "Thread_ID": ids.thread}, {}),
        ("POST", "/api/kapa/feedback", doubled("question_answer_id", ids.answer), {}),
        ("POST", "/api/kapa/feedback", doubled("question_answer_id", ids.answer, orjson.dumps(own.answer)), {}),
        (
            "POST",
            "/api/kapa/feedback",
            {"question_answer_id": own.answer, "response_id": ids.answer, "helpful": True},
            {},
        ),
        ("POST", "/query/v1/feedback/upsert/", doubled("question_answer", ids.answer, orjson.dumps(own.answer)), {}),
        ("POST", "/query/v1/feedback/upsert/", {"question_answer": [ids.answer], "reaction": "upvote"}, {}),
        (
            "POST",
            "/query/v1/feedback/upsert/",
            {"question_answer": own.answer, "question_answer_id": ids.answer, "reaction": "upvote"},
            {},
        ),
        ("GET", f"{mine}/?thread_id={ids.thread}", None, {}),
        ("GET", f"{mine}/?include={ids.thread}", None, {}),
        ("GET", f"/query/v1/projects/default/threads/?thread_id={ids.thread}", None, {}),
        ("GET", f"/query/v1/projects/default/threads/?id={ids.thread}&page_size=500", None, {}),
    ]
    for method, path, body, headers in smuggled:
        reply = await _call(stage, who, method, path, body, headers)
        assert ids.thread not in reply.body.decode().lower(), path
        assert witnessed(stage, ids) == [], (path, body)


@STRANGERS
async def test_a_foreign_cursor_shows_no_foreign_thread(stage: Stage, who: tuple[str, str, str]) -> None:
    ids = [(await asked(stage, ADA)).thread for _ in range(3)]
    own = (await asked(stage, who)).thread
    path = "/query/v1/projects/default/threads/?page_size=1"
    first = await _call(stage, ADMIN, "GET", path)
    cursors = [first.document["next_cursor"], ids[0], ""]
    seen = []
    for cursor in cursors:
        page: str | None = cursor
        for _ in range(60):
            reply = await _call(stage, who, "GET", f"{path}&cursor={quote(page or '')}")
            if reply.status != 200:
                break
            seen += [each["id"] for each in reply.document["results"]]
            assert not any(each in reply.body.decode() for each in ids)
            page = reply.document["next_cursor"]
            if page is None:
                break
    assert set(seen) == {own}


async def test_lists_and_threads_are_the_callers_own_unless_a_role_may_see_all(stage: Stage) -> None:
    ids, other = await asked(stage, ADA), await asked(stage, EVE)
    path = "/query/v1/projects/default/threads/?page_size=500"
    shared = (await _call(stage, ADMIN, "GET", f"/query/v1/threads/{ids.thread}/")).status == 404
    assert await listed(stage, ADA, path) == {ids.thread}
    assert await listed(stage, EVE, path) == {other.thread}
    assert await listed(stage, CARL, path) == set()
    everything = await listed(stage, ADMIN, path)
    assert everything == set() if shared else everything >= {ids.thread}
    assert other.thread not in everything
    assert (await _call(stage, ADMIN, *in_path("thread chat", ids, "acme"))).status == 404
    assert (await _call(stage, ADMIN, *in_path("feedback", ids, "acme"))).status == 404


@pytest.mark.parametrize("who", [ADA, ("bob", "acme", "operator"), EVE], ids=lambda who: who[0])
async def test_end_users_need_their_own_permission(stage: Stage, who: tuple[str, str, str]) -> None:
    assert (await _call(stage, who, "GET", "/query/v1/projects/default/end-users/")).status == 403


async def test_a_session_of_the_agent_belongs_to_whoever_opens_it(stage: Stage) -> None:
    path, body = "/agent/v1/projects/default/agent/sessions/", {"external_owner_id": "ada"}
    reply = await _call(stage, ADMIN, "POST", path, body)
    assert reply.status in (200, 201)
    assert stage.kapa.requests[-1].json == {"external_owner_id": pseudonym(stage, ADMIN)}


async def test_a_thread_that_is_not_remembered_is_its_openers_alone(stage: Stage) -> None:
    lost = await opened_elsewhere(stage, pseudonym(stage, ADA))
    unknown = await _call(stage, CARL, *in_path("thread chat", UNKNOWN, "acme"))
    for who in (CARL, EVE):
        assert told(await _call(stage, who, *in_path("thread chat", lost, who[1]))) == told(unknown)
    stage.kapa.clear()
    assert (await _call(stage, ADA, *in_path("feedback", lost, "acme"))).status == 404
    assert (await _call(stage, ADA, *in_path("thread chat", lost, "acme"))).status == 200
    assert (await _call(stage, ADA, *in_path("feedback", lost, "acme"))).status == 200
    assert [each.method for each in stage.kapa.requests] == ["GET", "POST", "POST"]


async def test_where_the_policy_says_so_kapa_is_not_asked(tmp_path: Path) -> None:
    async with served(tmp_path, REFUSES) as stage:
        lost = await opened_elsewhere(stage, pseudonym(stage, ADA))
        stage.kapa.clear()
        foreign = await _call(stage, ADA, *in_path("thread chat", lost, "acme"))
        assert told(foreign) == told(await _call(stage, ADA, *in_path("thread chat", UNKNOWN, "acme")))
        assert foreign.status == 404
        assert stage.kapa.requests == []


@pytest.mark.parametrize(("who", "streams"), [(ADA, False), (EVE, False), (EVE, True)])
async def test_ids_that_cannot_be_stored_are_not_told(tmp_path: Path, who: tuple[str, str, str], streams: bool) -> None:
    async with served(tmp_path) as stage:
        await asked(stage, who)
        break_store(tmp_path)
        body = {**QUESTION, "stream": streams}
        reply = await _call(stage, who, "POST", "/api/kapa/query", body)
        assert (reply.status, reply.headers["Content-Type"]) == (503, "application/problem+json")
        assert (reply.document["step"], reply.headers["Retry-After"]) == ("kapa.ownership", "1")
        stage.kapa.clear()
        assert (await _call(stage, who, "POST", "/api/kapa/query", body)).status == 503
        assert stage.kapa.requests == []


async def test_a_stream_whose_ids_cannot_be_stored_ends_with_an_error_in_their_place(tmp_path: Path) -> None:
    async with served(tmp_path) as stage:
        await asked(stage, ADA)
        break_store(tmp_path)
        reply = await _call(stage, ADA, "POST", "/query/v1/projects/default/chat/stream/", QUESTION)
        kinds = [each["type"] for each in reply.records()]
        assert reply.status == 200
        assert (kinds[0], kinds[-1]) == ("partial_answer", "error")
        assert "identifiers" not in kinds
        assert b"thread_id" not in reply.body


@pytest.mark.parametrize("path", ["/query/v1/projects/default/chat/", "/query/v1/projects/default/chat/stream/"])
async def test_who_was_told_an_id_can_use_it_after_a_restart(tmp_path: Path, path: str) -> None:
    keys = Keys.made(os.urandom)
    async with StandIn() as kapa, ClientSession() as client:
        async with again(tmp_path, kapa, keys, client) as stage:
            reply = await _call(stage, ADA, "POST", path, QUESTION)
            told_ids = reply.records()[-1]["content"] if "stream" in path else reply.document
            ids = Ids(told_ids["thread_id"], told_ids["question_answer_id"])
        async with again(tmp_path, kapa, keys, client) as stage:
            for place in PLACES:
                assert (await _call(stage, CARL, *in_path(place, ids, "acme"))).status == 404
                assert (await _call(stage, ADA, *in_path(place, ids, "acme"))).status == 200
        enquiries = [each for each in kapa.requests if each.path.endswith("?include=end_user")]
        assert len(enquiries) == len([place for place in PLACES if "feedback" not in place])


@asynccontextmanager
async def again(folder: Path, kapa: StandIn, keys: Keys, client: ClientSession) -> AsyncIterator[Stage]:
    """The gateway over the same state and in front of the same Kapa as before."""
    environment = {**keys.environment(kapa.url, "http://127.0.0.1:9", f"{folder}/state.db"), **UNLIMITED}
    async with open_gateway([POLICY], References(environment), ANYWHERE) as gateway:
        yield Stage(gateway, kapa, keys, client)


async def _call(
    stage: Stage,
    who: tuple[str, str, str],
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """A request with its path as it stands. `body`: bytes as they are, anything else as JSON."""
    data = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
    sent = {"Content-Type": "application/json", **bearer(stage, who), **(headers or {})}
    target = URL(stage.gateway.data_url + path, encoded=True)
    async with stage.client.request(method, target, data=data, headers=sent) as response:
        return Reply(response.status, response.headers, await response.read())


async def listed(stage: Stage, who: tuple[str, str, str], path: str) -> set[str]:
    reply = await _call(stage, who, "GET", path)
    assert reply.status == 200
    return {each["id"] for each in reply.document["results"]}


async def opened_elsewhere(stage: Stage, person: str) -> Ids:
    """A thread of acme's project that somebody opened without this gateway."""
    url = f"{stage.kapa.url}/query/v1/projects/{ACME_PROJECT}/chat/"
    body = {**QUESTION, "user": {"unique_client_id": person}}
    async with stage.client.post(url, json=body, headers={"X-API-KEY": ACME_KEY}) as answer:
        document = await answer.json()
    return Ids(document["thread_id"], document["question_answer_id"])


def pseudonym(stage: Stage, who: tuple[str, str, str]) -> str:
    return Pseudonyms(stage.keys.pseudonyms.encode()).of(who[1], who[0])


def break_store(folder: Path) -> None:
    with sqlite3.connect(folder / "state.db.owners") as connection:
        connection.execute("ALTER TABLE claims RENAME TO elsewhere")
