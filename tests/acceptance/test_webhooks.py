"""Signed webhooks over sockets, with the example policy: accepted, forged, replayed, retried, and across restarts."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientError, ClientPayloadError, ClientSession, web

from kapagate.demo.people import Keys
from kapagate.demo.stage import POLICY, Reply
from kapagate.remote.references import References
from kapagate.run import Gateway, open_gateway
from tests.acceptance.peer import message, peer
from tests.acceptance.process import running
from tests.acceptance.served import ANYWHERE, UNLIMITED, changed_policy

EVENT = b'{"type": "invoice.paid",  "customer": 42, "note": "\xc3\xa9"}\n'
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def taken(request: web.Request) -> web.StreamResponse:
    return web.json_response({"taken": True}, status=202)


@dataclass
class Backend:
    """Answers hooks as it is told; `got` are the fields and bodies that reached it."""

    answer: Answer = taken
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return await self.answer(request)


@asynccontextmanager
async def backend() -> AsyncIterator[Backend]:
    made = Backend()
    application = web.Application()
    application.router.add_post("/hooks/{source}", made.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    try:
        yield made
    finally:
        await runner.cleanup()


@dataclass
class Sender:
    """The billing service, and a gateway that it calls."""

    gateway: Gateway
    client: ClientSession
    keys: Keys

    async def send(self, identifier: str = "msg_1", body: bytes = EVENT, path: str = "billing", **more: str) -> Reply:
        said = {**self.keys.webhook(identifier, time.time(), body), **more}
        async with self.client.post(f"{self.gateway.data_url}/hooks/{path}", data=body, headers=said) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def say(self, *fields: tuple[str, str], body: bytes = EVENT) -> bytes:
        """A request written byte by byte: its answer's status line."""
        host, _, port = self.gateway.data_url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = [
            "POST /hooks/billing HTTP/1.1",
            f"Host: {host}:{port}",
            "Connection: close",
            f"Content-Length: {len(body)}",
        ]
        head += [f"{name}: {value}" for name, value in fields]
        writer.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.partition(b"\r\n")[0]


@asynccontextmanager
async def sender(
    folder: Path, crm_url: str, *changes: tuple[str, str], keys: Keys | None = None, **environment: str
) -> AsyncIterator[Sender]:
    keys = keys or Keys.made(os.urandom)
    asked = {**keys.environment("http://127.0.0.1:1", crm_url, f"{folder}/state.db"), **UNLIMITED, **environment}
    paths = [changed_policy(folder, *changes)] if changes else [POLICY]
    async with open_gateway(paths, References(asked), ANYWHERE) as gateway, ClientSession() as client:
        yield Sender(gateway, client, keys)


@pytest.fixture
async def crm() -> AsyncIterator[Backend]:
    async with backend() as made:
        yield made


def problem(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.document["type"].rpartition("/")[2]


async def test_a_signed_message_reaches_the_backend_as_it_was_sent(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url) as billing:
        reply = await billing.send()
        assert (reply.status, reply.document) == (202, {"taken": True})
        ((fields, body),) = crm.got
        assert body == EVENT
        assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= fields.keys()
        await billing.gateway.ledger.flush()
        (record,) = await billing.gateway.ledger.query(1)
        assert (record["tenant"], record["subject"], record["scheme"]) == ("acme", "billing", "webhook_signature")
        assert record["verdicts"]["hooks.identify"] == {"outcome": "passed", "reason": "secret 1 of 1"}
        assert billing.keys.hook not in orjson.dumps(record).decode()


async def test_while_secrets_rotate_both_are_good_and_the_record_tells_them_apart(tmp_path: Path, crm: Backend) -> None:
    old, both = "secrets: [", 'secrets: ["${env:NEW_HOOK_SECRET}", '
    new = Keys.made(os.urandom)
    async with sender(tmp_path, crm.url, (old, both), NEW_HOOK_SECRET=new.hook) as billing:
        for number, keys in ((1, new), (2, billing.keys)):
            said = keys.webhook(f"msg_{number}", time.time(), EVENT)
            assert (await billing.send(f"msg_{number}", **said)).status == 202
            await billing.gateway.ledger.flush()
            (record,) = await billing.gateway.ledger.query(1)
            assert record["verdicts"]["hooks.identify"]["reason"] == f"secret {number} of 2"


async def test_what_was_changed_on_its_way_is_refused(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url) as billing:
        other = billing.keys.webhook("msg_1", time.time(), EVENT.replace(b"42", b"43"))
        stranger = Keys.made(os.urandom).webhook("msg_1", time.time(), EVENT)
        late = billing.keys.webhook("msg_1", time.time() - 400, EVENT)
        for said in (other, stranger, late, {"webhook-id": "msg_2"}, {"webhook-timestamp": f"{time.time() + 1:.0f}"}):
            assert problem(await billing.send(**said)) == (401, "invalid-credentials")
        assert crm.got == []
        assert (await billing.send()).status == 202


async def test_a_replay_is_answered_once_more_and_delivered_once(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url) as billing:
        replies = [await billing.send(path=path) for path in ("billing", "billing", "other", "billing")]
        assert [reply.status for reply in replies] == [202] * 4
        assert [reply.body for reply in replies[1:]] == [b""] * 3
        assert len(crm.got) == 1


async def test_of_two_at_the_same_time_one_waits(tmp_path: Path, crm: Backend) -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await release.wait()
        return await taken(request)

    crm.answer = slow
    async with sender(tmp_path, crm.url) as billing:
        first = asyncio.create_task(billing.send())
        await arrived.wait()
        refused = await billing.send()
        assert problem(refused) == (409, "delivery-under-way")
        assert refused.headers["Retry-After"] == "5"
        release.set()
        assert (await first).status == 202
        assert (await billing.send()).status == 202
        assert len(crm.got) == 1


async def test_of_many_at_the_same_time_one_is_delivered(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url) as billing:
        statuses = [reply.status for reply in await asyncio.gather(*(billing.send() for _ in range(30)))]
        assert set(statuses) <= {202, 409}
        assert len(crm.got) == 1


async def test_a_failed_delivery_is_tried_again(tmp_path: Path, crm: Backend) -> None:
    statuses = iter([500, 302, 404, 202])

    async def failing(request: web.Request) -> web.StreamResponse:
        return web.Response(status=next(statuses))

    crm.answer = failing
    async with sender(tmp_path, crm.url) as billing:
        assert [(await billing.send()).status for _ in range(5)] == [500, 302, 404, 202, 202]
        assert len(crm.got) == 4


@pytest.mark.parametrize("answer", [b"", message(b"0123456789")[:-5], b"HTTP/1.1 2"], ids=["none", "half", "no head"])
async def test_an_answer_that_breaks_off_is_no_delivery(tmp_path: Path, answer: bytes) -> None:
    async with peer(answer) as broken, sender(tmp_path, broken.url) as billing:
        for _ in range(2):
            with suppress(ClientPayloadError):  # its head had left already, and the client saw that it is not whole
                assert (await billing.send()).status == 502
        assert len(broken.heads) == 2


async def test_what_was_delivered_is_known_after_a_restart(tmp_path: Path, crm: Backend) -> None:
    keys = Keys.made(os.urandom)
    async with sender(tmp_path, crm.url, keys=keys) as billing:
        assert (await billing.send()).status == 202
    async with sender(tmp_path, crm.url, keys=keys) as billing:
        assert (await billing.send()).status == 202
        assert (await billing.send("msg_2")).status == 202
    assert [fields["webhook-id"] for fields, _ in crm.got] == ["msg_1", "msg_2"]


async def test_gateways_with_the_same_state_deliver_once_between_them(tmp_path: Path, crm: Backend) -> None:
    keys = Keys.made(os.urandom)
    unlike = ("on_full: refuse", "on_full: serve")  # the audit's file has one writer
    async with (
        sender(tmp_path, crm.url, unlike, keys=keys) as one,
        sender(tmp_path, crm.url, unlike, keys=keys) as two,
    ):
        replies = await asyncio.gather(*(each.send() for each in (one, two) * 5))
        assert {reply.status for reply in replies} <= {202, 409}
        assert (await two.send()).status == (await one.send()).status == 202
    assert len(crm.got) == 1


async def test_when_nothing_can_be_remembered_nothing_is_delivered(tmp_path: Path, crm: Backend) -> None:
    (tmp_path / "state.db.replays").write_bytes(b"no database" * 1000)
    async with sender(tmp_path, crm.url) as billing:
        refused = await billing.send()
        assert problem(refused) == (503, "unavailable")
        assert refused.headers["Retry-After"] == "1"
        assert crm.got == []
        os.unlink(tmp_path / "state.db.replays")
        assert (await billing.send()).status == 202


async def test_no_file_is_made_where_no_webhook_comes(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url) as billing:
        assert problem(await billing.send(**{"webhook-signature": "v1,no"})) == (401, "invalid-credentials")
    assert not (tmp_path / "state.db.replays").exists()


async def test_fields_that_can_be_read_in_two_ways_are_refused(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url) as billing:
        good = billing.keys.webhook("msg_1", time.time(), EVENT)
        pairs = list(good.items())
        for name in good:
            assert b" 400 " in await billing.say(*pairs, (name.title(), good[name]))
        for name, value in (
            ("webhook-timestamp", "+" + good["webhook-timestamp"]),
            ("webhook-timestamp", "1e9"),
            ("webhook-timestamp", "9" * 400),
            ("webhook-timestamp", "\u0661".encode().decode("latin-1")),
            ("webhook-timestamp", ""),
            ("webhook-id", ""),
            ("webhook-id", "a b"),
            ("webhook-id", "m" * 300),
            ("webhook-signature", ""),
            ("webhook-signature", " ".join(["v1," + "A" * 44] * 600)),
            ("webhook-signature", good["webhook-signature"] + "=="),
        ):
            assert b" 401 " in await billing.say(*{**good, name: value}.items()), (name, value)
        big = [("webhook-signature", "v1," + "A" * 1_000_000)]
        assert b" 431 " in await billing.say(*pairs[:2], *big)
        assert crm.got == []
        blanks = [(name, f"  {value} \t ") for name, value in pairs]
        assert b" 202 " in await billing.say(*blanks)
        assert len(crm.got) == 1


async def test_credentials_of_the_gate_are_none_on_this_route(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url) as billing:
        bearer = f"Bearer {billing.keys.token('bob', 'acme', 'operator', time.time() + 60)}"
        fields = [("Authorization", bearer), ("X-Api-Key", billing.keys.reporter.text)]
        assert b" 401 " in await billing.say(*fields)
        assert b" 202 " in await billing.say(*billing.keys.webhook("msg_1", time.time(), EVENT).items(), *fields)
        ((seen, _),) = crm.got
        assert not {"authorization", "x-api-key"} & seen.keys()


async def test_a_body_over_the_limit_is_refused(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url, ("body: 1MiB", "body: 1KiB")) as billing:
        assert problem(await billing.send(body=b" " * 1025)) == (413, "body-too-large")
        assert (await billing.send(body=b" " * 1024)).status == 202


async def test_a_signature_opens_no_other_route(tmp_path: Path, crm: Backend) -> None:
    async with sender(tmp_path, crm.url) as billing:
        said = billing.keys.webhook("msg_1", time.time(), EVENT)
        for path in ("/crm/customers/42", "/api/kapa/query", "/nowhere"):
            async with billing.client.post(billing.gateway.data_url + path, data=EVENT, headers=said) as answer:
                assert answer.status == 401


async def test_no_tenant_signs_for_another(tmp_path: Path, crm: Backend) -> None:
    acme, globex = Keys.made(os.urandom), Keys.made(os.urandom)
    sources = 'sources: {acme: ["${env:BILLING_HOOK_SECRET}"], globex: ["${env:GLOBEX_HOOK_SECRET}"]}'
    changes = (
        ('secrets: ["${env:BILLING_HOOK_SECRET}"]', sources),
        ("tenant: acme\n            subject: billing", 'tenant: "{source}"\n            subject: billing'),
    )
    async with sender(tmp_path, crm.url, *changes, keys=acme, GLOBEX_HOOK_SECRET=globex.hook) as billing:
        said = {name: keys.webhook("msg_1", time.time(), EVENT) for name, keys in (("acme", acme), ("globex", globex))}
        for path, signer in (("acme", "globex"), ("globex", "acme"), ("initech", "acme"), ("ACME", "acme")):
            assert problem(await billing.send(path=path, **said[signer])) == (401, "invalid-credentials")
        assert crm.got == []
        for number, name in enumerate(("acme", "globex"), 1):
            assert (await billing.send(path=name, **said[name])).status == 202
            assert len(crm.got) == number, "the same id of two tenants is two messages"
            await billing.gateway.ledger.flush()
            (record,) = await billing.gateway.ledger.query(1)
            assert record["tenant"] == name


async def test_a_process_that_is_killed_forgets_nothing_that_a_sender_was_told(tmp_path: Path, crm: Backend) -> None:
    keys, arrived, never = Keys.made(os.urandom), asyncio.Event(), asyncio.Event()
    environment = {**keys.environment("http://127.0.0.1:1", crm.url, f"{tmp_path}/state.db"), **UNLIMITED}

    async def silent(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await never.wait()
        return await taken(request)

    async def call(client: ClientSession, url: str, identifier: str) -> int:
        said = keys.webhook(identifier, time.time(), EVENT)
        async with client.post(f"{url}/hooks/billing", data=EVENT, headers=said) as answer:
            return answer.status

    async with ClientSession() as client:
        async with running(environment) as gateway:
            told = [await call(client, gateway.urls["data"], f"msg_{number}") for number in range(5)]
            crm.answer = silent
            waiting = asyncio.create_task(call(client, gateway.urls["data"], "msg_9"))
            await arrived.wait()
            gateway.process.kill()
            with pytest.raises(ClientError):
                await waiting
        crm.answer = taken
        async with running(environment) as gateway:
            again = [await call(client, gateway.urls["data"], f"msg_{number}") for number in range(5)]
            assert (told, again, len(crm.got)) == ([202] * 5, [202] * 5, 6)
            assert await call(client, gateway.urls["data"], "msg_9") == 409
            assert await call(client, gateway.urls["data"], "msg_10") == 202
    never.set()
