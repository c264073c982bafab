"""MCP through the composed gateway: guarded, with the tenant's own key, and every session its owner's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from kapagate.chain.headers import Headers
from kapagate.chain.hop import Inbound
from kapagate.standin.specimens import SPECIMENS
from tests.chain.conftest import ListSink, Pieces
from tests.upstreams.gateways import KEYS, SECRETS, Gateway, policy, refusals

EMAIL = SPECIMENS["email"]
GROUP, OTHER = "5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c", "99999999-9999-4999-8999-999999999999"
ACME = f'upstreams: {{mcp: {{api_key: "${{env:KG_ACME_KEY}}", source_groups: ["{GROUP}"]}}}}'
GLOBEX = "display_name: Globex"
UPSTREAM = '  mcp: {type: kapa_mcp, url: "https://acme.mcp.kapa.example"}'
GUARDS = """\
  - guard_question: {pii: redact, max_length: 200, blocked_terms: [embargo]}
    id: ask
  - guard_answer: {pii: redact}
    id: answer
"""


def gateway(folder: Path, chain: str = GUARDS, acme: str = ACME, globex: str = GLOBEX) -> Gateway:
    return Gateway(policy(UPSTREAM, chain, acme, globex), folder)


@pytest.fixture
def mcp(tmp_path: Path) -> Gateway:
    return gateway(tmp_path)


def call(query: str = "backups", name: str = "search", **params: Any) -> dict[str, Any]:
    arguments = {"name": name, "arguments": {"query": query}, **params}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": arguments}


def result(text: str, name: Any = 7, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": name, "result": {"content": [{"type": "text", "text": text}], **more}}


def whole(value: Any, status: int = 200, **fields: str) -> Inbound:
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return answers(status, Pieces(body), content_type="application/json", **fields)


def events(*messages: Any, **fields: str) -> Inbound:
    pieces = [b"event: message\r\ndata: " + orjson.dumps(each) + b"\r\n\r\n" for each in messages]
    return answers(200, Pieces(*pieces), content_type="text/event-stream", **fields)


def answers(status: int, body: Pieces, **fields: str) -> Inbound:
    return Inbound(status, Headers([(name.replace("_", "-").encode(), v.encode()) for name, v in fields.items()]), body)


def nothing(status: int) -> Inbound:
    return Inbound(status, Headers([]), Pieces(), 0)


def said(body: bytes) -> list[Any]:
    """The messages of an event stream."""
    lines = body.decode().split("\n")
    return [orjson.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


async def test_a_call_leaves_with_the_tenants_key_groups_and_the_servers_own_path(mcp: Gateway) -> None:
    told = await mcp.ask("/mcp/?a=b", call(), whole(result("fine")), headers={"Cookie": "a=b", "X-Other": "c"})
    sent = mcp.server.sent[0]
    assert (told.status, told.document) == (200, result("fine"))
    assert (sent.method, sent.target) == (b"POST", b"/")
    assert mcp.server.header(b"authorization") == b"Bearer " + SECRETS["KG_ACME_KEY"].encode()
    names = {name.lower() for name, _ in sent.headers}
    own = b"authorization accept accept-encoding content-type user-agent x-correlation-id"
    assert names == set(own.split())
    assert KEYS["ann"].text.encode() not in b"".join(value for _, value in sent.headers)
    assert mcp.server.asked["params"]["_meta"] == {"source_group_ids_include": [GROUP]}


async def test_the_policy_may_say_where_and_what_the_path_is(tmp_path: Path) -> None:
    upstream = UPSTREAM.replace("example", "example/deep/").replace("}", ", path: /tools}")
    own = Gateway(policy(upstream, GUARDS, ACME, GLOBEX), tmp_path)
    for path in ("/tools", "/tools/", "/t/acme/tools"):
        assert (await own.ask(path, call(), whole(result("fine")))).status == 200
    assert {each.target for each in own.server.sent} == {b"/deep"}
    assert (await own.ask("/mcp/", call())).status == 404


async def test_personal_data_in_arguments_is_redacted_and_in_results_too(mcp: Gateway) -> None:
    answer = whole(result(f"ask {EMAIL}", structuredContent={"name": f"by {EMAIL}"}))
    told = await mcp.ask("/mcp/", call(f"who is {EMAIL}?"), answer)
    assert mcp.server.asked["params"]["arguments"] == {"query": "who is <email>?"}
    assert told.document["result"] == {
        "content": [{"type": "text", "text": "ask <email>"}],
        "structuredContent": {"name": "by <email>"},
    }
    assert told.record["question"] == "who is <email>?"
    assert told.verdict("ask")["outcome"] == "changed"


async def test_results_in_an_event_stream_are_guarded_as_those_in_json(mcp: Gateway) -> None:
    progress = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": EMAIL}}
    told = await mcp.ask("/mcp/", call(), events(progress, result(f"ask {EMAIL}")))
    assert told.sink.header(b"content-type") == b"text/event-stream"
    assert told.sink.header(b"x-accel-buffering") == b"no"
    one, two = said(told.body)
    assert one["params"] == {"level": "info", "data": "<email>"}
    assert two == result("ask <email>")


async def test_a_refused_call_is_a_json_rpc_error_with_its_id(mcp: Gateway) -> None:
    told = await mcp.ask("/mcp/", call("what of the embargo"))
    assert (told.status, told.document["id"], told.document["error"]["code"]) == (200, 7, -32602)
    assert told.document["error"]["message"] == "the question contains a blocked term"
    data = told.document["error"]["data"]
    assert (data["step"], data["rule"], data["status"]) == ("ask", "blocked_term", 422)
    assert told.record["outcome"] == "refused"
    assert mcp.server.sent == []


async def test_of_a_batch_every_request_gets_the_error(tmp_path: Path) -> None:
    mcp = Gateway(policy(UPSTREAM.replace("}", ", batch: 2}"), GUARDS, ACME, GLOBEX), tmp_path)
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
    told = await mcp.ask("/mcp/", [{**call("fine"), "id": "a"}, note, call("embargo")])
    assert [each["id"] for each in told.document] == ["a", 7]
    answer = whole([result("one", "a"), result(EMAIL)])
    told = await mcp.ask("/mcp/", [{**call(), "id": "a"}, note, call()], answer)
    assert [each["id"] for each in told.document] == ["a", 7]
    assert EMAIL not in told.body.decode()
    assert [each.get("id") for each in mcp.server.asked] == ["a", None, 7]


async def test_a_batch_is_no_way_around_limits(mcp: Gateway) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
    assert (await mcp.ask("/mcp/", [call(), note], whole([result("fine")]))).document == [result("fine")]
    told = await mcp.ask("/mcp/", [call(), note, call()])
    assert (told.status, told.document[0]["error"]["message"]) == (400, "a batch has at most 1 request(s) here")


async def test_an_event_is_resumed_only_within_a_session(mcp: Gateway) -> None:
    await mcp.ask("/mcp/", None, events(), method="GET", headers={"Last-Event-ID": "e-7"})
    assert mcp.server.header(b"last-event-id") is None


async def test_fields_that_could_carry_words_do_not_go_on(mcp: Gateway) -> None:
    fields = {"Mcp-Protocol-Version": f"by {EMAIL}", "Accept": f"text/html, {EMAIL}"}
    await mcp.ask("/mcp/", call(), whole(result("fine")), headers=fields)
    assert mcp.server.header(b"mcp-protocol-version") is None
    assert mcp.server.header(b"accept") == b"application/json, text/event-stream"


async def test_a_notification_that_is_refused_has_an_error_without_id_and_a_status(mcp: Gateway) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1, "reason": "embargo"}}
    told = await mcp.ask("/mcp/", note)
    assert (told.status, told.document["id"]) == (422, None)


async def test_an_answer_that_is_refused_is_an_error_with_the_id_of_the_call(tmp_path: Path) -> None:
    own = gateway(tmp_path, "  - guard_answer: {pii: refuse}\n    id: answer\n")
    for answer in (whole(result(EMAIL)), events(result(EMAIL))):
        told = await own.ask("/mcp/", call(), answer)
        assert (told.status, told.document["id"], told.document["error"]["code"]) == (200, 7, -32000)
        assert told.sink.header(b"content-type") == b"application/json"
    first = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "fine"}}
    told = await own.ask("/mcp/", call(), events(first, result(EMAIL)))
    one, two = said(told.body)
    assert (one, two["id"], two["error"]["code"]) == (first, 7, -32000)
    assert EMAIL.encode() not in told.body
    assert told.record["outcome"] == "refused"


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", -32700), (b"[]", -32600), (b"{}", -32600), (b'{"jsonrpc":"2.0","method":1,"id":1}', -32600)],
)
async def test_what_is_no_message_is_refused_in_the_words_of_json_rpc(mcp: Gateway, body: bytes, code: int) -> None:
    told = await mcp.ask("/mcp/", body)
    assert (told.status, told.document["id"], told.document["error"]["code"]) == (400, None, code)


async def test_strangers_get_their_challenge_and_a_json_rpc_error(mcp: Gateway) -> None:
    told = await mcp.ask("/mcp/", call(), who=None)
    assert (told.status, told.document["jsonrpc"]) == (401, "2.0")
    assert told.sink.header(b"www-authenticate") is not None


@pytest.mark.parametrize("path", ["/mcp/", "/t/acme/mcp/", "/t/globex/mcp/"])
async def test_a_tenant_without_a_key_for_the_server_finds_nothing_there(mcp: Gateway, path: str) -> None:
    told = await mcp.ask(path, call(), who="bob")
    assert (told.status, told.document["error"]["message"]) == (404, "this tenant has no MCP server here")
    assert mcp.server.sent == []


async def test_the_path_of_another_tenant_is_not_found(tmp_path: Path) -> None:
    own = gateway(tmp_path, globex=ACME.replace("ACME", "GLOBEX"))
    told = await own.ask("/t/acme/mcp/", call(), who="bob")
    assert (told.status, own.server.sent) == (404, [])
    assert (await own.ask("/t/globex/mcp/", call(), whole(result("fine")), who="bob")).status == 200
    assert own.server.header(b"authorization") == b"Bearer " + SECRETS["KG_GLOBEX_KEY"].encode()


async def test_a_session_goes_round_and_is_its_owners_alone(tmp_path: Path) -> None:
    own = gateway(tmp_path, globex=ACME.replace("ACME", "GLOBEX"))
    first = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
    opened = await own.ask("/mcp/", first, whole({"jsonrpc": "2.0", "id": 0, "result": {}}, mcp_session_id="s.1"))
    session = (opened.sink.header(b"mcp-session-id") or b"").decode()
    assert session.startswith("s.1.")
    fields = {"Mcp-Session-Id": session, "Mcp-Protocol-Version": "2025-11-25", "Last-Event-ID": "e-7"}
    assert (await own.ask("/mcp/", call(), whole(result("fine")), headers=fields)).status == 200
    assert own.server.header(b"mcp-session-id") == b"s.1"
    assert own.server.header(b"mcp-protocol-version") == b"2025-11-25"
    assert own.server.header(b"last-event-id") == b"e-7"
    sent = len(own.server.sent)
    for who, said_of in (("amy", session), ("bob", session), ("ann", "s.1"), ("ann", session[:-1]), ("ann", "")):
        for method in ("POST", "GET", "DELETE"):
            body = call() if method == "POST" else None
            told = await own.ask("/mcp/", body, who=who, method=method, headers={"Mcp-Session-Id": said_of})
            assert (told.status, told.document["error"]["message"]) == (404, "there is no such session")
    assert len(own.server.sent) == sent


async def test_a_session_is_ended(mcp: Gateway) -> None:
    opened = await mcp.ask("/mcp/", call(), whole(result("fine"), mcp_session_id="s-1"))
    session = (opened.sink.header(b"mcp-session-id") or b"").decode()
    told = await mcp.ask("/mcp/", None, nothing(204), method="DELETE", headers={"Mcp-Session-Id": session})
    assert (told.status, mcp.server.sent[-1].method, mcp.server.sent[-1].body) == (204, b"DELETE", b"")
    assert mcp.server.header(b"mcp-session-id") == b"s-1"


async def test_a_notification_is_accepted_and_nothing_is_said(mcp: Gateway) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (await mcp.ask("/mcp/", note, nothing(202))).status == 202
    told = await mcp.ask("/mcp/", note, whole(EMAIL.encode(), 202))
    assert (told.status, told.body) == (202, b"")


async def test_a_listening_stream_opens_at_once_and_tells_what_comes_byte_by_byte(tmp_path: Path) -> None:
    own = gateway(tmp_path, GUARDS.replace("  - guard_question", "  - guard_question", 1))
    first = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": f"ask {EMAIL}"}}
    wire = b": ping\n\nid: e-1\nretry: 5\ndata:\n\nid: e-2\ndata: " + orjson.dumps(first) + b"\n\n"
    sink, seen = ListSink(), []

    class Dripping(Pieces):
        async def __anext__(self) -> bytes:
            seen.append((len(sink.heads), sink.body))
            return await super().__anext__()

    drip = Dripping(*(wire[at : at + 1] for at in range(len(wire))))
    told = await own.ask("/mcp/", None, answers(200, drip, content_type="text/event-stream"), method="GET", sink=sink)
    assert own.server.sent[0].method == b"GET"
    assert own.server.header(b"accept") == b"text/event-stream"
    assert seen[0] == (1, b"")
    assert seen[len(b": ping\n\n")][1] == b":\n\n"
    assert seen[wire.index(b"id: e-2")][1] == b":\n\nid: e-1\nretry: 5\ndata: \n\n"
    assert seen[-1][1] == told.body
    assert told.body.endswith(b'id: e-2\ndata: {"jsonrpc":"2.0","method":"notifications/message",'
                              b'"params":{"data":"ask <email>"}}\n\n')  # fmt: skip


async def test_a_head_is_not_asked_of_a_server_that_would_stream(mcp: Gateway) -> None:
    told = await mcp.ask("/mcp/", None, method="HEAD")
    assert (told.status, told.sink.header(b"allow")) == (405, b"GET, POST, DELETE")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_not_the_callers_fault(mcp: Gateway, status: int) -> None:
    told = await mcp.ask("/mcp/", call(), whole({"error": "invalid_token"}, status))
    assert (told.status, told.document["error"]["data"]["type"].rpartition("/")[2]) == (502, "upstream-credentials")


@pytest.mark.parametrize(("status", "told_as"), [(404, 404), (405, 405), (400, 400), (500, 502), (503, 503)])
async def test_errors_keep_the_statuses_by_which_clients_go(mcp: Gateway, status: int, told_as: int) -> None:
    answer = answers(status, Pieces(EMAIL.encode()), content_type="text/plain")
    told = await mcp.ask("/mcp/", call(), answer)
    assert (told.status, told.document["id"]) == (told_as, 7)
    assert EMAIL not in told.body.decode()
    error = {"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32600, "message": f"Session of {EMAIL}"}}
    told = await mcp.ask("/mcp/", call(), whole(error, status))
    assert (told.status, told.document["error"]["message"]) == (status, "Session of <email>")


async def test_kapas_limit_keeps_its_time(mcp: Gateway) -> None:
    answer = answers(429, Pieces(b"slow down"), content_type="text/plain", retry_after="7")
    told = await mcp.ask("/mcp/", call(), answer)
    assert (told.status, told.sink.header(b"retry-after")) == (429, b"7")


async def test_the_gateways_key_never_comes_back(mcp: Gateway) -> None:
    key = SECRETS["KG_ACME_KEY"]
    for answer in (whole(result(key)), events(result(key)), whole({"error": key}, 400)):
        assert key.encode() not in (await mcp.ask("/mcp/", call(), answer)).body


@pytest.mark.parametrize("content_type", ["text/html", "application/octet-stream"])
async def test_an_answer_that_nobody_can_read_is_refused(tmp_path: Path, content_type: str) -> None:
    told = await gateway(tmp_path, "").ask("/mcp/", call(), answers(200, Pieces(b"x"), content_type=content_type))
    assert (told.status, told.document["error"]["code"]) == (200, -32000)


async def test_an_event_that_is_no_message_ends_the_stream(mcp: Gateway) -> None:
    body = Pieces(b"data: hello\n\n")
    told = await mcp.ask("/mcp/", call(), answers(200, body, content_type="text/event-stream"))
    assert (told.status, told.document["id"], told.document["error"]["data"]["status"]) == (200, 7, 502)
    assert told.record["outcome"] == "failed"


async def test_source_groups_of_others_are_refused_in_meta_and_in_arguments(mcp: Gateway) -> None:
    groups = {"source_group_ids_include": [OTHER]}
    for params in ({"_meta": groups}, {"arguments": {"query": "a", **groups}}):
        told = await mcp.ask("/mcp/", call(**params))
        assert (told.status, mcp.server.sent) == (403, [])
    both = {"query": "a", "source_group_ids_include": [OTHER, GROUP], "source_ids_include": [OTHER]}
    meta = {
        "progressToken": 3,
        "user": {"email": EMAIL},
        "user.email": EMAIL,
        "top_k": 2,
        "source_ids_include": [OTHER],
    }
    await mcp.ask("/mcp/", call(arguments=both, _meta=meta), whole(result("fine")))
    params = mcp.server.asked["params"]
    assert params["arguments"] == {"query": "a", "source_group_ids_include": [GROUP]}
    assert params["_meta"] == {"top_k": 2, "progressToken": 3, "source_group_ids_include": [GROUP]}


async def test_whom_enrich_names_is_told_by_a_pseudonym(tmp_path: Path) -> None:
    own = gateway(tmp_path, "  - enrich: {add: {tenant_id: tenant}}\n")
    await own.ask("/mcp/", call(), whole(result("fine")))
    (name,) = own.server.asked["params"]["_meta"]["user"].items()
    assert name[0] == "unique_client_id"
    assert len(name[1]) == 32


async def test_the_platform_server_is_refused_unless_the_policy_lists_it(tmp_path: Path) -> None:
    upstream = '  mcp: {type: kapa_mcp, url: "https://MCP.kapa.ai./mcp"}'
    (refusal,) = refusals(policy(upstream, GUARDS, ACME, GLOBEX), tmp_path)
    assert "say `server: platform` if you mean it" in refusal
    listed = upstream.replace('mcp"}', 'mcp", server: platform}').replace("ai.", "ai")
    own = Gateway(policy(listed, GUARDS, ACME, GLOBEX).replace("kapa.*", "kapa.mcp"), tmp_path)
    assert (await own.ask("/mcp/", call())).status == 403
    own = Gateway(policy(listed, GUARDS, ACME, GLOBEX).replace("kapa.*", "kapa.mcp_platform"), tmp_path)
    assert (await own.ask("/mcp/", call(), whole(result("fine")))).status == 200
    assert own.server.sent[0].target == b"/mcp"


def test_what_cannot_work_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    def wrong(upstream: str = UPSTREAM, chain: str = GUARDS, acme: str = ACME) -> str:
        return "\n".join(refusals(policy(upstream, chain, acme, GLOBEX), tmp_path))

    assert "which of the project's source groups" in wrong(acme=ACME.replace(f', source_groups: ["{GROUP}"]', ""))
    assert "expected a path" in wrong(UPSTREAM.replace("}", ", path: '/%41/'}"))
    assert "stream" in wrong(acme=ACME.replace("{api_key", "{stream: buffer, api_key"))
    limits = "  - guard_answer: {sources: {deny: ['*']}}\n"
    assert "hides the sources" in wrong(chain=limits)
    assert "hides the sources" in wrong(chain=limits.replace("deny: ['*']", "allow: ['https://docs.example/*']"))
    assert "hides the sources" in wrong(chain=limits.replace("']}", "']}, at_end: error"))
    assert wrong(UPSTREAM.replace("}", ", on_uninspectable: pass}"), limits) == ""
