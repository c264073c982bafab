from __future__ import annotations

import asyncio
import io

import orjson
import pytest

from kapagate.chain import problems
from kapagate.chain.principal import Principal
from kapagate.chain.problem import Problem
from kapagate.telemetry.access import MOST_LINES, AccessLog, line
from tests.exchanges import CRM, exchange


def test_one_line_says_what_became_of_an_exchange() -> None:
    assert orjson.loads(line(exchange(sent_bytes=512))) == {
        "timestamp": "2023-11-14T22:13:20.375Z",
        "level": "INFO",
        "service": "kapagate",
        "message": "exchange",
        "correlation_id": "corr-1",
        "user_id": "alice",
        "tenant_id": "acme",
        "endpoint": "/query/v1/projects/{project}/chat/",
        "duration_ms": 250.0,
        "decision": "0" * 32,
        "method": "POST",
        "status": 200,
        "outcome": "answered",
        "bytes": 512,
    }


def test_a_refusal_says_who_refused_and_why() -> None:
    refusal = Problem(problems.FORBIDDEN, "not you")
    refusal.step = "rbac"
    told = orjson.loads(line(exchange(status=403, refusal=refusal)))
    assert (told["outcome"], told["problem"], told["step"]) == ("refused", "forbidden", "rbac")


def test_hostile_names_stay_in_their_line() -> None:
    hostile = Principal(subject="a\n\x1b[2J\udcff\u202e" + "x" * 9999, tenant="acme")
    written = line(exchange(principal=hostile, method="X" * 9999))
    assert written.count(b"\n") == 1
    assert len(written) < 1500
    assert orjson.loads(written)["user_id"].startswith("a\\x0a\\x1b[2J\\udcff\\u202e")


def test_paths_and_queries_are_not_in_it() -> None:
    ex = exchange()
    ex.request.path, ex.request.query = "/crm/private", "token=private"
    assert b"private" not in line(ex)


def test_nobody_stands_in_the_line_of_another() -> None:
    lines = [
        orjson.loads(line(ex))
        for ex in (
            exchange(),
            exchange(principal=Principal("bob", "acme")),
            exchange(principal=Principal("alice", "globex")),
            exchange(CRM),
            exchange(method="GET"),
            exchange(principal=None),
        )
    ]
    assert [(each["user_id"], each["tenant_id"], each["endpoint"][:5], each["method"]) for each in lines] == [
        ("alice", "acme", "/quer", "POST"),
        ("bob", "acme", "/quer", "POST"),
        ("alice", "globex", "/quer", "POST"),
        ("alice", "acme", "/crm/", "POST"),
        ("alice", "acme", "/quer", "GET"),
        ("", "none", "/quer", "POST"),
    ]


async def test_lines_wait_for_each_other() -> None:
    stream = io.BytesIO()
    log = AccessLog(stream)
    log(exchange())
    log(exchange())
    assert stream.getvalue() == b""
    log.flush()
    assert stream.getvalue().count(b"\n") == 2


async def test_lines_do_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    written = asyncio.Event()

    class Stream(io.BytesIO):
        def flush(self) -> None:
            written.set()

    monkeypatch.setattr("kapagate.telemetry.access.WINDOW", 0.0)
    AccessLog(Stream())(exchange())
    await written.wait()


async def test_many_lines_do_not_wait_at_all() -> None:
    stream = io.BytesIO()
    log = AccessLog(stream)
    for _ in range(MOST_LINES):
        log(exchange())
    assert stream.getvalue().count(b"\n") == MOST_LINES


async def test_a_reader_that_has_gone_away_fails_nothing() -> None:
    stream = io.BytesIO()
    log = AccessLog(stream)
    log(exchange())
    stream.close()
    log.flush()
