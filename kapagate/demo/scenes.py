"""The scenes: one request each, what was promised of it, and one line that says what happened and why."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct, field

from kapagate.demo.people import ACME_KEY, ACME_PROJECT
from kapagate.demo.stage import Reply, Stage
from kapagate.standin.specimens import SPECIMENS

ADA, BOB, EVE = ("ada", "acme", "viewer"), ("bob", "acme", "operator"), ("eve", "globex", "viewer")
YOU = ("you", "acme", "viewer")
"""Who goes on where the scenes end; nobody else has asked in that name, so nothing of its limit is used up."""
MIA, UNKNOWN = ("mia", "acme", "viewer"), "00000000-0000-4000-8000-000000000000"
CLERK, ROOT = ("carol", "acme", "operator"), ("root", "globex", "admin")


class Shown(Struct):
    """How a scene went. `missed` are the promises that were not kept."""

    call: str
    status: int
    story: str
    missed: list[str] = field(default_factory=list)

    def expect(self, kept: bool, promise: str) -> None:
        if not kept:
            self.missed.append(promise)


Scene = Callable[[Stage], Awaitable[Shown]]


def bearer(stage: Stage, who: tuple[str, str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {stage.token(*who)}"}


async def answered(stage: Stage) -> Shown:
    """Answered, and enriched on the way."""
    body = {"query": "How do I install Nimbus?", "user": {"email": "ada@acme.example"}}
    reply = await stage.ask("POST", "/query/v1/projects/default/chat/", body, bearer(stage, ADA))
    shown = Shown("ada, viewer of acme, asks Kapa's own address", reply.status, "")
    shown.expect(reply.status == 200 and reply.document["answer"] != "", "200 with an answer")
    got: dict[str, Any] = stage.kapa.requests[-1].json if stage.kapa.requests else {}
    user = got.get("user", {})
    shown.expect(user.get("metadata", {}).get("tenant_id") == "acme", "Kapa sees the tenant")
    shown.expect("ada@" not in str(got) and "email" not in user, "Kapa sees no person")
    shown.expect(stage.kapa.requests[-1].headers.get("X-API-KEY") == ACME_KEY, "Kapa sees the tenant's key")
    context = " ".join(f"{name}={value:.12}" for name, value in user.get("metadata", {}).items())
    shown.story = f"answered; Kapa saw {context} and {user.get('unique_client_id', '')[:12]}… for ada's e-mail"
    return shown


async def redacted(stage: Stage) -> Shown:
    """Personal data in a JSON answer."""
    reply = await stage.ask("POST", "/api/kapa/query", {"query": "Whom do I call? [[pii]]"}, bearer(stage, ADA))
    shown = Shown("ada asks /api/kapa/query; the answer quotes personal data", reply.status, "")
    return _without_specimens(shown, reply, reply.document.get("answer", "") if reply.status == 200 else "")


async def redacted_on_the_stream(stage: Stage) -> Shown:
    """Personal data in a stream, cut over several records."""
    body = {"query": "Whom do I call? [[pii]]", "stream": True}
    reply = await stage.ask("POST", "/api/kapa/query", body, bearer(stage, ADA))
    shown = Shown("the same question, streamed: every value is cut over several records", reply.status, "")
    records = reply.records() if reply.status == 200 else []
    text = "".join(record["content"]["text"] for record in records if record["type"] == "partial_answer")
    shown.expect(bool(records) and records[-1]["type"] == "identifiers", "the identifiers arrive last")
    return _without_specimens(shown, reply, text)


async def card_cut_in_two(stage: Stage) -> Shown:
    """A card number of which no record has more than a part."""
    path, body = "/query/v1/projects/{}/chat/stream/", {"query": "Whom do I call? [[pii]]"}
    told = _texts(await stage.kapa_says(path.format(ACME_PROJECT), body, {"X-API-KEY": ACME_KEY}))
    reply = await stage.ask("POST", path.format("default"), body, bearer(stage, ADA))
    card, got = SPECIMENS["card"], _texts(reply)
    parts = _parts_of(card, told)
    shown = Shown("Kapa's own stream says a card's number in parts, each in a record of its own", reply.status, "")
    shown.expect(len(parts) > 1 and not any(card in text for text in told), "no record of Kapa's has all of it")
    shown.expect("<card>" in "".join(got) and card not in "".join(got), "the client gets <card>")
    shown.expect(not any(len(part) > 4 and part in "".join(got) for part in parts), "and no part of it")
    shown.story = f"{len(parts)} parts, {' and '.join(repr(part) for part in parts)}; the client got <card>"
    return shown


def _texts(reply: Reply) -> list[str]:
    """The text of each record of a stream that has some."""
    records = reply.records() if reply.status == 200 else []
    return [record["content"]["text"] for record in records if record["type"] == "partial_answer"]


def _parts_of(value: str, texts: list[str]) -> list[str]:
    """What each of the texts has of a value that stands in all of them together."""
    begin, at, parts = "".join(texts).find(value), 0, []
    for text in texts:
        part = text[max(0, begin - at) : max(0, begin + len(value) - at)]
        parts += [part] if part else []
        at += len(text)
    return parts


def _without_specimens(shown: Shown, reply: Reply, answer: str) -> Shown:
    leaked = [kind for kind, specimen in SPECIMENS.items() if specimen in reply.body.decode()]
    shown.expect(not leaked, f"none of {', '.join(SPECIMENS)} arrives (leaked: {', '.join(leaked)})")
    found = [f"<{kind}>" for kind in SPECIMENS if f"<{kind}>" in answer]
    shown.expect(len(found) >= 4, "at least four kinds were found")
    shown.story = f"answered with {' '.join(found)} in place of the values"
    return shown


async def question_redacted(stage: Stage) -> Shown:
    """Personal data in the question never reaches Kapa."""
    body = {"query": f"My address is {SPECIMENS['email']}, why can I not log in?"}
    reply = await stage.ask("POST", "/query/v1/projects/default/chat/", body, bearer(stage, EVE))
    seen = stage.kapa.requests[-1].json["query"]
    shown = Shown(
        "eve, viewer of globex, writes her e-mail address into the question", reply.status, f'Kapa was asked "{seen}"'
    )
    shown.expect(reply.status == 200 and "<email>" in seen and SPECIMENS["email"] not in seen, "Kapa sees no address")
    return shown


async def uncertain(stage: Stage) -> Shown:
    """An uncertain answer gets the tenant's own disclaimer."""
    reply = await stage.ask("POST", "/api/kapa/query", {"query": "Is it fast? [[uncertain]]"}, bearer(stage, EVE))
    end = reply.document["answer"].rpartition("\n")[2] if reply.status == 200 else ""
    shown = Shown("eve asks something that Kapa is not sure about", reply.status, f'answered; it ends with "{end}"')
    shown.expect(end.startswith("Globex:"), "the answer ends with Globex's own disclaimer")
    return shown


async def listed(stage: Stage) -> Shown:
    """What people asked is read again: guarded as answers are, and the way to the next page stays here."""
    who = bearer(stage, ROOT)
    threads = await stage.ask("GET", "/query/v1/projects/default/threads/?page_size=50", headers=who)
    sources = await stage.ask("GET", "/t/globex/ingestion/v1/projects/default/sources/?page_size=2", headers=who)
    link = sources.document.get("next") or ""
    story = f"{len(threads.document.get('results', ()))} threads without a person's data; the next page is {link}"
    shown = Shown("root, admin of globex, reads threads and sources", sources.status, story)
    shown.expect((threads.status, sources.status) == (200, 200), "200 with lists")
    shown.expect(b"<email>" in threads.body, "personal data in old questions is redacted")
    shown.expect(not any(each.encode() in threads.body for each in SPECIMENS.values()), "none of it is left")
    shown.expect(link.startswith("/t/globex/"), "the link leads to the gateway")
    return shown


async def foreign_thread(stage: Stage) -> Shown:
    """Nobody but who opened a thread goes on in it, whatever ids they know."""
    thread, _ = await _opened(stage)
    own, foreign, unknown = [
        await stage.ask("POST", f"/query/v1/threads/{each}/chat/", {"query": "And then?"}, bearer(stage, who))
        for each, who in ((thread, MIA), (thread, EVE), (UNKNOWN, EVE))
    ]
    shown = Shown("eve of globex goes on in a thread of mia of acme", foreign.status, "")
    shown.expect(own.status == 200, "mia herself can")
    _refused(shown, foreign, 404, "not-found")
    shown.expect(_without_names(foreign) == _without_names(unknown), "the same as for a thread that nobody has")
    return shown


async def foreign_answer(stage: Stage) -> Shown:
    """Nobody but who asked judges an answer, not even in the same tenant."""
    _, answer = await _opened(stage)
    foreign, own = [
        await stage.ask(
            "POST", "/api/kapa/feedback", {"question_answer_id": answer, "helpful": False}, bearer(stage, who)
        )
        for who in (BOB, MIA)
    ]
    shown = Shown("bob, of acme as well, sends feedback on an answer to mia", foreign.status, "")
    shown.expect(own.status == 200, "mia herself can")
    return _refused(shown, foreign, 404, "not-found")


async def _opened(stage: Stage) -> tuple[str, str]:
    """The ids of a thread of mia's and of its answer."""
    reply = await stage.ask("POST", "/api/kapa/query", {"query": "What is Nimbus?"}, bearer(stage, MIA))
    told = reply.document if reply.status == 200 else {}
    return told.get("thread_id", ""), told.get("question_answer_id", "")


def _without_names(reply: Reply) -> tuple[int, dict[str, Any]]:
    """A problem without the names of this one exchange."""
    names = ("decision", "correlation_id")
    return reply.status, {key: value for key, value in reply.document.items() if key not in names}


async def stranger(stage: Stage) -> Shown:
    """Refused without a key."""
    reply = await stage.ask("POST", "/query/v1/projects/default/chat/", {"query": "Hello?"})
    return _refused(Shown("somebody asks without a key", reply.status, ""), reply, 401, "credentials-required")


async def denied_by_address(stage: Stage) -> Shown:
    """Who calls from a network that the gate denies is not even asked who they are."""
    far = {**bearer(stage, ADA), "X-Forwarded-For": "203.0.113.7"}
    reply = await stage.ask("POST", "/api/kapa/query", {"query": "Hello?"}, far)
    shown = Shown("somebody with ada's token calls from 203.0.113.7", reply.status, "")
    near = await stage.ask("POST", "/api/kapa/query", {"query": "Hello?"}, {**far, "X-Forwarded-For": "198.51.100.7"})
    shown.expect(near.status == 200, "from elsewhere it works")
    return _refused(shown, reply, 403, "address-refused")


async def page(stage: Stage) -> Shown:
    """A page that the policy names may ask from a browser, another may not."""
    path, asked = "/api/kapa/query", {"Access-Control-Request-Method": "POST"}
    ours, other = "https://app.example", "https://other.example"
    preflights = [await stage.ask("OPTIONS", path, None, {"Origin": each, **asked}) for each in (ours, other)]
    reply = await stage.ask("POST", path, {"query": "Hello?"}, {"Origin": ours})
    story = f"browsers let {ours} ask and read even its {reply.status}; {other} gets a {preflights[1].status}"
    shown = Shown("pages of two sites would ask from a browser", preflights[0].status, story)
    shown.expect([each.status for each in preflights] == [204, 403], "one preflight is allowed, the other is not")
    allowed = [each.headers.get("Access-Control-Allow-Origin") for each in (*preflights, reply)]
    shown.expect(allowed == [ours, None, ours], "the page's origin on its preflight and on its refusal, and no other's")
    return shown


async def reporter(stage: Stage) -> Shown:
    """An API key of the gateway in the header that Kapa's own clients send."""
    path, body = f"/query/v1/projects/{ACME_PROJECT}/retrieval/", {"query": "backups", "top_k": 2}
    reply = await stage.ask("POST", path, body, {"X-API-KEY": stage.keys.reporter.text})
    found = len(reply.document) if reply.status == 200 else 0
    shown = Shown(
        "a report job sends its key as Kapa's clients do", reply.status, f"{found} passages, for a key of ours"
    )
    shown.expect(found > 0, "passages")
    shown.expect(stage.kapa.requests[-1].headers.get("X-API-KEY") == ACME_KEY, "Kapa sees its own key, not ours")
    return shown


async def allowed_by_role(stage: Stage) -> Shown:
    """An operator may read the internal backend, and the notes in its answer are guarded."""
    reply = await stage.ask("GET", "/crm/customers/42", headers=bearer(stage, BOB))
    shown = Shown("bob, operator of acme, reads from the internal backend", reply.status, "")
    shown.expect(reply.status == 200 and reply.document["id"] == "42", "200 with the customer")
    return _without_specimens(shown, reply, reply.body.decode())


async def refused_by_role(stage: Stage) -> Shown:
    """A viewer may not."""
    reply = await stage.ask("GET", "/crm/customers/42", headers=bearer(stage, ADA))
    return _refused(Shown("ada tries the same", reply.status, ""), reply, 403, "forbidden")


async def delivered(stage: Stage) -> Shown:
    """A signed webhook reaches the internal backend."""
    reply = await stage.hook("msg_1", {"type": "invoice.paid", "customer": "42"})
    shown = Shown("acme's billing service calls with a signed webhook", reply.status, "")
    shown.expect(reply.status == 202 and reply.document["taken"] == "msg_1", "the backend takes it")
    shown.story = "the signature holds; crm took msg_1"
    return shown


async def forged(stage: Stage) -> Shown:
    """One with another body than was signed does not."""
    other = stage.keys.webhook("msg_2", time.time(), b'{"type":"invoice.paid","customer":"42"}')
    reply = await stage.hook("msg_2", {"type": "invoice.paid", "customer": "43"}, **other)
    shown = _refused(
        Shown("somebody changes a webhook on its way", reply.status, ""), reply, 401, "invalid-credentials"
    )
    shown.expect(await _deliveries(stage, "msg_2") == 0, "crm sees nothing of it")
    return shown


async def replayed(stage: Stage) -> Shown:
    """The same webhook again is answered, and not delivered again."""
    event = {"type": "invoice.paid", "customer": "42"}
    replies = [await stage.hook("msg_3", event) for _ in range(2)]
    reply, times = replies[-1], await _deliveries(stage, "msg_3")
    story = f"answered as the first time; crm saw it {'once' if times == 1 else f'{times} times'}"
    shown = Shown("a webhook that was delivered comes again", reply.status, story)
    shown.expect([each.status for each in replies] == [202, 202] and reply.body == b"", "the first status again")
    shown.expect(times == 1, "one delivery")
    return shown


async def retried(stage: Stage) -> Shown:
    """One that the backend failed on is delivered when the sender tries again."""
    event = {"type": "invoice.paid", "customer": "7", "fails_first": True}
    replies = [await stage.hook("msg_4", event) for _ in range(2)]
    first, second = (reply.status for reply in replies)
    story = f"the first try failed with {first}, so the next one was delivered: {second}"
    shown = Shown("crm fails on a webhook, and the service tries again", second, story)
    shown.expect((first, second) == (503, 202), "failed, then taken")
    shown.expect(await _deliveries(stage, "msg_4") == 2, "two deliveries")
    return shown


async def _deliveries(stage: Stage, identifier: str) -> int:
    """How often the backend was called with a message."""
    seen = (await stage.ask("GET", "/crm/deliveries", headers=bearer(stage, CLERK))).document
    return seen.count(identifier) if isinstance(seen, list) else 0


async def limited(stage: Stage) -> Shown:
    """One subject's requests beyond the burst are refused, with the time to wait."""
    who = bearer(stage, ("zoe", "acme", "viewer"))
    replies = [await stage.ask("POST", "/api/kapa/query", {"query": "again?"}, who) for _ in range(7)]
    reply, statuses = replies[-1], [reply.status for reply in replies]
    shown = Shown(f"zoe asks seven times in a row: {' '.join(map(str, statuses))}", reply.status, "")
    shown.expect(statuses[:5] == [200] * 5, "five in a row are answered")
    shown.expect(int(reply.headers.get("Retry-After", "0")) > 0, "Retry-After says when to come back")
    return _refused(shown, reply, 429, "rate-limited")


def _refused(shown: Shown, reply: Reply, status: int, problem: str) -> Shown:
    document = reply.document if reply.headers.get("Content-Type") == "application/problem+json" else {}
    shown.expect(reply.status == status, f"status {status}")
    shown.expect(str(document.get("type", "")).endswith(f"/{problem}"), f"problem {problem}")
    shown.story = f"refused by step {document.get('step')}: {document.get('detail')}"
    return shown


SCENES: tuple[Scene, ...] = (
    answered,
    redacted,
    redacted_on_the_stream,
    card_cut_in_two,
    question_redacted,
    uncertain,
    reporter,
    listed,
    foreign_thread,
    foreign_answer,
    stranger,
    denied_by_address,
    page,
    allowed_by_role,
    refused_by_role,
    delivered,
    forged,
    replayed,
    retried,
    limited,
)
