"""The widget's proxy through the composed gateway: guarded, under the tenant's own integration, ids their owners'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from kapagate.chain.hop import Inbound
from kapagate.standin.records import encode_record
from kapagate.standin.specimens import SPECIMENS
from tests.filters.gateway import THREAD, UUID, Told, inbound, records
from tests.upstreams.gateways import KEYS, Gateway, policy, refusals

EMAIL = SPECIMENS["email"]
SITE, OTHER_SITE = "0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d", "1d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d"
GROUP, OTHER = "5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c", "99999999-9999-4999-8999-999999999999"
ACME = f'upstreams: {{widget: {{integration_id: "{SITE}", source_groups: ["{GROUP}"]}}}}'
GLOBEX = f'upstreams: {{widget: {{integration_id: "{OTHER_SITE}", source_groups: all}}}}'
UPSTREAM = '  widget: {type: kapa_widget, url: "https://proxy.kapa.example"}'
GUARDS = """\
  - enrich: {add: {tenant_id: tenant}}
  - guard_question: {pii: redact, blocked_terms: [embargo]}
    id: ask
  - guard_answer: {pii: redact}
    id: answer
"""
CHAT = "/proxy/query/v2/chat/stream/"
IN_THREAD = f"/proxy/query/v2/thread/{THREAD}/chat/stream/"
FEEDBACK = "/proxy/query/v2/feedback/upsert/"
CAPTCHA = {"X-RECAPTCHA-ENTERPRISE-TOKEN": "captcha-token", "X-WEBSITE-ID": OTHER}


def gateway(folder: Path, chain: str = GUARDS, upstream: str = UPSTREAM, **more: str) -> Gateway:
    return Gateway(policy(upstream, chain, more.pop("acme", ACME), GLOBEX, **more), folder)


@pytest.fixture
def widget(tmp_path: Path) -> Gateway:
    return gateway(tmp_path)


def stream(*texts: str) -> Inbound:
    """As the proxy streams: it begins with the thread, and tells what it does."""
    start = encode_record("stream_start", {"thread_id": THREAD})
    step = encode_record("agent_activity_update", {"id": "1", "name": f"asks {EMAIL}", "status": "started"})
    return inbound(start, step, records(*texts))


async def chatted(own: Gateway, **more: Any) -> Told:
    return await own.ask(CHAT, {"query": "How?"}, stream("fine"), headers=CAPTCHA, **more)


async def test_a_question_leaves_with_the_tenants_integration_and_the_visitors_captcha(widget: Gateway) -> None:
    visitor = {"email": EMAIL, "fingerprint_id": "f", "kapa_web_id": "w", "metadata": {"first_name": "Ann"}}
    body = {
        "query": f"Who is {EMAIL}?",
        "mode": "deep_thinking",
        "user": visitor,
        "metadata": {"origin_url": "https://docs.example/a?token=b"},
        "files": ["f-1"],
        "thread_id": OTHER,
        "integration_id": OTHER,
    }
    told = await widget.ask(CHAT, body, stream("fine"), headers={**CAPTCHA, "Cookie": "a=b"})
    sent = widget.server.sent[0]
    assert (told.status, sent.method, sent.target) == (200, b"POST", CHAT.encode())
    assert widget.server.header(b"x-website-id") == SITE.encode()
    assert widget.server.header(b"x-recaptcha-enterprise-token") == b"captcha-token"
    names = {name.lower().decode() for name, _ in sent.headers}
    assert not names & {"cookie", "authorization", "x-api-key"}
    assert KEYS["ann"].text.encode() not in b"".join(value for _, value in sent.headers)
    asked = widget.server.asked
    assert asked.pop("user") == {"unique_client_id": asked_for(widget), "metadata": {"tenant_id": "acme"}}
    assert asked == {
        "query": "Who is <email>?",
        "mode": "deep_thinking",
        "metadata": {"origin_url": "https://docs.example/a"},
        "source_group_ids_include": [GROUP],
    }


def asked_for(own: Gateway) -> str:
    name = str(own.server.asked["user"]["unique_client_id"])
    assert len(name) == 32
    return name


async def test_streams_are_guarded_and_keep_their_records(widget: Gateway) -> None:
    told = await widget.ask(CHAT, {"query": "Who?"}, stream("ask pat.le", "e@exa", "mple.com now"))
    assert told.kinds[:2] == ["stream_start", "agent_activity_update"]
    assert told.kinds[-1] == "identifiers"
    assert told.records[1]["content"]["name"] == "asks <email>"
    said = "".join(each["content"].get("text", "") for each in told.records if each["type"] == "partial_answer")
    assert said == "ask <email> now"


async def test_threads_and_answers_belong_to_who_opened_them(widget: Gateway) -> None:
    for path, body in ((IN_THREAD, {"query": "And?"}), (FEEDBACK, {"question_answer": UUID, "reaction": "upvote"})):
        assert (await widget.ask(path, body)).status == 404
    await chatted(widget)
    told = await widget.ask(IN_THREAD, {"query": "And?", "thread_id": OTHER}, stream("more"))
    assert (told.status, widget.server.asked["thread_id"], widget.server.sent[-1].target) == (
        200,
        THREAD,
        IN_THREAD.encode(),
    )
    sent = len(widget.server.sent)
    for who in ("amy", "bob"):
        assert (await widget.ask(IN_THREAD, {"query": "And?"}, who=who)).status == 404
        assert (await widget.ask(FEEDBACK, {"question_answer": UUID, "reaction": "upvote"}, who=who)).status == 404
    assert len(widget.server.sent) == sent


async def test_feedback_is_told_in_the_words_of_the_sdk_under_a_pseudonym(widget: Gateway) -> None:
    await chatted(widget)
    comment = orjson.dumps({"issue": f"ask {EMAIL}", "incorrect": True}).decode()
    body = {"user_identifier": "user-identifier", "question_answer": UUID, "reaction": "downvote", "comment": comment}
    assert (await widget.ask(FEEDBACK, body, inbound(b"{}"))).status == 200
    asked = widget.server.asked
    assert orjson.loads(asked["comment"]) == {"issue": "ask <email>", "incorrect": True}
    assert asked["user_identifier"] not in ("user-identifier", "ann")
    leaving = {"question_answer": UUID, "user": {"email": EMAIL}, "comment": f"ask {EMAIL}"}
    assert (await widget.ask("/proxy/query/v2/exit-feedback/upsert/", leaving, inbound(b"{}"))).status == 200
    assert widget.server.asked["comment"] == "ask <email>"
    assert EMAIL not in str(widget.server.asked)


async def test_a_refused_question_is_a_problem_that_reaches_nobody(widget: Gateway) -> None:
    told = await widget.ask(CHAT, {"query": "what of the embargo"})
    assert told.problem == (422, "question-refused", "ask", "blocked_term")
    assert widget.server.sent == []


async def test_an_answer_that_is_refused_ends_with_an_error_record(tmp_path: Path) -> None:
    own = gateway(tmp_path, "  - guard_answer: {pii: refuse, max_response_length: 5000}\n")
    told = await own.ask(CHAT, {"query": "Who?"}, inbound(records("word " * 50, EMAIL)))
    assert told.records[-1]["type"] == "error"
    assert EMAIL not in told.body.decode()


async def test_streams_are_held_to_their_end_where_the_tenant_says_so(tmp_path: Path) -> None:
    held = ACME.replace("{integration_id", "{stream: buffer, integration_id")
    own = gateway(tmp_path, "  - guard_answer: {pii: refuse}\n", acme=held)
    assert (await own.ask(CHAT, {"query": "Who?"}, stream("word " * 50, EMAIL))).problem[:2] == (422, "answer-refused")


async def test_the_path_may_name_the_tenant_and_nobody_elses(widget: Gateway) -> None:
    assert (await widget.ask(f"/t/acme{CHAT}", {"query": "How?"}, stream("fine"))).status == 200
    assert (await widget.ask(f"/t/acme{CHAT}", {"query": "How?"}, who="bob")).status == 404
    assert (await widget.ask(CHAT, {"query": "How?"}, stream("fine"), who="bob")).status == 200
    assert widget.server.header(b"x-website-id") == OTHER_SITE.encode()


async def test_a_tenant_without_an_integration_finds_nothing(tmp_path: Path) -> None:
    own = gateway(tmp_path, acme="display_name: Acme")
    assert (await own.ask(CHAT, {"query": "How?"})).status == 404


async def test_source_groups_are_the_tenants_own(widget: Gateway) -> None:
    asked = {"query": "How?", "source_group_ids_include": [OTHER]}
    assert (await widget.ask(CHAT, asked)).status == 403
    assert (await widget.ask(CHAT, asked, stream("fine"), who="bob")).status == 200
    assert widget.server.asked["source_group_ids_include"] == [OTHER]


async def test_a_key_of_the_gateway_may_stand_where_the_sdk_has_its_integration(tmp_path: Path) -> None:
    own = gateway(tmp_path, header="X-WEBSITE-ID")
    told = await own.ask(CHAT, {"query": "How?"}, stream("fine"), credential="X-WEBSITE-ID")
    assert (told.status, own.server.header(b"x-website-id")) == (200, SITE.encode())
    assert (await own.ask(CHAT, {"query": "How?"}, who=None, headers={"X-WEBSITE-ID": SITE})).status == 401


async def test_a_captcha_that_could_be_anything_else_stays_here(widget: Gateway) -> None:
    for name in ("X-HCAPTCHA-TOKEN", "X-RECAPTCHA-ENTERPRISE-TOKEN"):
        await widget.ask(CHAT, {"query": "How?"}, stream("fine"), headers={name: f"by {EMAIL}"})
        assert widget.server.header(name.lower().encode()) is None
    await widget.ask(CHAT, {"query": "How?"}, stream("fine"), headers={"X-HCAPTCHA-TOKEN": "P1_a.b-c"})
    assert widget.server.header(b"x-hcaptcha-token") == b"P1_a.b-c"


async def test_a_refused_captcha_stays_one_in_whatever_words(widget: Gateway) -> None:
    for answer in (
        inbound(b"<p>Captcha failed</p>", status=403, content_type="text/html"),
        inbound(b'{"detail":"Captcha failed"}', status=403),
    ):
        told = await widget.ask(CHAT, {"query": "How?"}, answer)
        assert (told.status, "captcha" in told.document["detail"].lower()) == (403, True)
    told = await widget.ask(CHAT, {"query": "How?"}, inbound(b"<p>no</p>", status=403, content_type="text/html"))
    assert told.document == {"detail": "Kapa answered with an error (status 403)."}


async def test_errors_are_json_for_the_sdk_and_name_no_integration(widget: Gateway) -> None:
    limit = inbound(b'{"type":"deep_thinking_request_limit"}', status=429, retry_after="7")
    told = await widget.ask(CHAT, {"query": "How?"}, limit)
    assert (told.status, told.document, told.sink.header(b"retry-after")) == (
        429,
        {"type": "deep_thinking_request_limit"},
        b"7",
    )
    named = inbound(orjson.dumps({"detail": f"integration {SITE}"}), status=400)
    assert SITE not in (await widget.ask(CHAT, {"query": "How?"}, named)).body.decode()
    told = await widget.ask(CHAT, {"query": "How?"}, inbound(b"<p>down</p>", status=502, content_type="text/html"))
    assert told.problem[:2] == (502, "upstream-failed")
    told = await widget.ask(CHAT, {"query": "How?"}, inbound(b"", status=302))
    assert told.problem[:2] == (502, "upstream-malformed")


async def test_an_answer_that_is_no_stream_of_records_is_refused_where_it_is_guarded(tmp_path: Path) -> None:
    page = inbound(b"<p>hi</p>", content_type="text/html")
    told = await gateway(tmp_path).ask(CHAT, {"query": "How?"}, page)
    assert told.problem[:2] == (502, "upstream-uninspectable")
    page = inbound(b"<p>hi</p>", content_type="text/html")
    assert (await gateway(tmp_path, "").ask(CHAT, {"query": "How?"}, page)).status == 200


HANDOFF = f"/proxy/query/v2/thread/{THREAD}/handoff/"
FILES = ("/proxy/query/v2/files/", {"file_name": "a.txt", "file_size": 3, "user": {"email": EMAIL}})


async def test_handoff_and_files_are_there_only_where_they_are_listed(tmp_path: Path) -> None:
    plain = gateway(tmp_path)
    for path in (HANDOFF, FILES[0], "/proxy/query/v2/files/validate/"):
        assert (await plain.ask(path, {"a": 1})).status == 404
    own = gateway(tmp_path, upstream=UPSTREAM.replace("}", ", also: [handoff, files]}"))
    await chatted(own)
    note = {"recipient_email": "desk@acme.example", "user_email": EMAIL, "note": f"call {EMAIL}"}
    assert (await own.ask(HANDOFF, note, inbound(b"{}"))).status == 200
    assert own.server.asked == {**note, "note": "call <email>"}
    assert (await own.ask(HANDOFF, note, who="amy")).status == 404
    told = await own.ask(*FILES, inbound(b'{"url":"https://store.example/?sig=a%40b"}'))
    assert told.body == b'{"url":"https://store.example/?sig=a%40b"}'
    assert EMAIL not in str(own.server.asked)
    assert (await own.ask("/proxy/query/v2/files/validate/", {"file_id": "f-1"}, inbound(b"{}"))).status == 200
    asked = {"query": "How?", "files": ["f-1"]}
    assert (await own.ask(CHAT, asked, stream("fine"))).status == 200
    assert own.server.asked["files"] == ["f-1"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (HANDOFF, {"recipient_email": "to everybody"}),
        (HANDOFF, {"user_email": EMAIL}),
        (FILES[0], {"file_name": "a", "file_size": -1}),
        ("/proxy/query/v2/files/validate/", {"file_id": "../a"}),
        (CHAT, {"query": "a", "files": ["f"] * 11}),
        (CHAT, {"query": "a", "mode": "free words"}),
        (CHAT, {}),
        (FEEDBACK, {"reaction": "upvote"}),
        (FEEDBACK, {"question_answer": UUID, "reaction": "free words"}),
    ],
)
async def test_what_has_another_shape_is_malformed(tmp_path: Path, path: str, body: Any) -> None:
    own = gateway(tmp_path, upstream=UPSTREAM.replace("}", ", also: [handoff, files]}"))
    await chatted(own)
    assert (await own.ask(path, body)).problem[:2] == (400, "malformed-body")


def test_what_cannot_work_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    def wrong(chain: str = GUARDS, acme: str = ACME, upstream: str = UPSTREAM) -> str:
        return "\n".join(refusals(policy(upstream, chain, acme, GLOBEX), tmp_path))

    assert "which of the project's source groups" in wrong(acme=ACME.replace(f', source_groups: ["{GROUP}"]', ""))
    assert "its answers stream" in wrong("  - guard_answer: {sources: {min: 1}}\n")
    assert wrong("  - guard_answer: {sources: {min: 1}}\n", upstream=UPSTREAM.replace("}", ", stream: buffer}")) == ""
    assert "api_key" in wrong(acme=ACME.replace("{integration_id", '{api_key: "${env:KG_ACME_KEY}", integration_id'))
