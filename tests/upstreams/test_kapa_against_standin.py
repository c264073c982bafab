"""What the adapter sends is what Kapa takes, and it can read what Kapa answers: against the stand-in, no sockets."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from kapagate.answer.pump import pump
from kapagate.answer.report import Report
from kapagate.chain.exchange import Exchange
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.principal import TENANT, Account, Tenant
from kapagate.chain.problem import Problem
from kapagate.chain.response import once
from kapagate.chain.secret import Secret
from kapagate.standin.call import Call, Operation, Reply
from kapagate.standin.directives import Faults
from kapagate.standin.errors import KapaError
from kapagate.standin.operations import OPERATIONS, perform
from kapagate.standin.projects import DEFAULT_PROJECTS, Projects
from kapagate.upstreams.kapa import Kapa
from tests.upstreams.asking import SERVICES, asks

PROJECT, KEY = next(iter(DEFAULT_PROJECTS.items()))
ACCOUNT = Account(PROJECT, Secret(KEY), integration_id=PROJECT, source_groups=(PROJECT,))
KAPA = Kapa.model_validate({"url": "https://api.kapa.ai"}).compile("kapa", SERVICES)
ROUTES = {route.operation: route for route in KAPA.routes}


class Standin:
    """Answers outbound requests as Kapa would."""

    def __init__(self) -> None:
        self._projects = Projects(DEFAULT_PROJECTS, "test")

    def answer(self, outbound: Outbound) -> Inbound:
        assert isinstance(outbound.body, bytes)
        headers = dict(outbound.headers)
        key = self._projects.authenticate(headers[b"X-API-KEY"].decode())
        for template, operation in OPERATIONS.items():
            found = re.fullmatch(template.replace("{", "(?P<").replace("}", ">[^/]+)"), outbound.target.decode())
            if found:
                content_type = headers[b"Content-Type"].decode()
                call = Call(self._projects, key, found.groupdict(), outbound.body, content_type, Faults())
                return _inbound(operation, call)
        raise AssertionError(f"nothing at {outbound.target.decode()}")


def _inbound(operation: Operation, call: Call) -> Inbound:
    try:
        made = perform(operation, call)
    except KapaError as error:
        made = Reply((orjson.dumps(error.body),), Faults(), status=error.status, headers=error.headers)
    headers = [(b"Content-Type", made.content_type.encode())]
    headers += [(name.encode(), value.encode()) for name, value in (made.headers or {}).items()]
    return Inbound(made.status, Headers(headers), once(b"".join(made.pieces)))


async def asked(standin: Standin, operation: str, document: Any, **params: str) -> tuple[int, bytes]:
    """Status and body that a client of the gateway gets."""
    ex: Exchange = asks(ROUTES[operation], document, params=params, inspects=True)
    ex.put(TENANT, Tenant("acme", accounts={"kapa": ACCOUNT}))
    ex.edit = ex.edit.with_pseudonym("5f2c").with_context({"tenant_id": "acme"})
    head = standin.answer(await KAPA.adapter.outbound(ex))
    inspected = "answer text" in ex.route.shows
    codec = KAPA.adapter.inbound(ex, head, inspected)
    pieces = head.body if codec is None else pump(head.body, codec, (), False, Report())
    return head.status, b"".join([piece async for piece in pieces])


QUESTION = {
    "query": "How do I install it?",
    "user": {"email": "ann@d.example"},
    "metadata": {"origin_url": "https://d/x"},
}


async def test_a_conversation_goes_from_chat_over_threads_to_feedback() -> None:
    standin = Standin()
    status, body = await asked(standin, "chat", QUESTION, project_id="default")
    first = orjson.loads(body)
    assert (status, bool(first["answer"])) == (200, True)
    thread = {"thread_id": first["thread_id"]}
    status, body = await asked(standin, "thread_chat", QUESTION, **thread)
    assert (status, orjson.loads(body)["thread_id"]) == (200, first["thread_id"])
    status, body = await asked(standin, "thread_chat_stream", QUESTION, **thread)
    assert status == 200
    assert body.endswith("␞".encode())
    feedback = {"question_answer": first["question_answer_id"], "reaction": "downvote", "comment": {"issue": "wrong"}}
    assert await asked(standin, "feedback", feedback) == (200, b'{"total_upvotes":0,"total_downvotes":1}')


async def test_the_gateways_own_api_goes_the_same_way() -> None:
    standin = Standin()
    status, body = await asked(standin, "query", {"query": "How?", "integration_id": "web"})
    first = orjson.loads(body)
    assert status == 200
    more = {"thread_id": first["thread_id"], "stream": True}
    status, body = await asked(standin, "query", {"query": "And then?", **more})
    assert (status, first["thread_id"].encode() in body) == (200, True)
    feedback = {"response_id": first["question_answer_id"], "helpful": True, "satisfaction": 5}
    assert await asked(standin, "query_feedback", feedback) == (200, b'{"total_upvotes":1,"total_downvotes":0}')


@pytest.mark.parametrize(
    ("operation", "document"),
    [
        ("retrieval", {"query": "install", "mode": "default", "top_k": 2, "user": {"email": "ann@d.example"}}),
        ("documents", {"urls": ["https://docs.example/none"], "page": 1, "page_size": 5}),
        ("chat_stream", QUESTION),
    ],
)
async def test_the_other_operations_are_taken_and_read(operation: str, document: Any) -> None:
    status, body = await asked(Standin(), operation, document, project_id=PROJECT)
    assert status == 200
    assert body


@pytest.mark.parametrize(
    ("operation", "document", "params", "told"),
    [
        ("retrieval", {"query": "x", "top_k": 99}, {"project_id": "default"}, (400, b"top_k")),
        ("feedback", {"question_answer": PROJECT, "reaction": "upvote"}, {}, (404, b"Not found.")),
        ("feedback", {"question_answer": PROJECT}, {}, (400, b"reaction")),
        ("thread_chat", QUESTION, {"thread_id": PROJECT}, (404, b"Not found.")),
        ("chat", {"query": "x [[status=503]]"}, {"project_id": "default"}, (503, b"asked to fail")),
        ("chat_stream", {"query": "x [[retry-after=7]]"}, {"project_id": "default"}, (429, b"throttled")),
    ],
)
async def test_kapas_own_errors_arrive_as_kapa_said_them(
    operation: str, document: Any, params: dict[str, str], told: tuple[int, bytes]
) -> None:
    status, body = await asked(Standin(), operation, document, **params)
    assert status == told[0]
    assert told[1] in body


async def test_html_from_in_front_of_kapa_becomes_a_problem() -> None:
    with pytest.raises(Problem) as told:
        await asked(Standin(), "chat", {"query": "x [[html-502]]"}, project_id="default")
    assert (told.value.kind.name, told.value.kind.status) == ("upstream-failed", 502)
