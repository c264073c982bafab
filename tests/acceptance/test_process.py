"""The running process: its doors, its log, its signals, and what it keeps to itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession
from prometheus_client.parser import text_string_to_metric_families

from kapagate import __version__
from kapagate.demo.backend import start_backend
from kapagate.demo.people import ACME_KEY, GLOBEX_KEY, Keys
from kapagate.standin import StandIn
from kapagate.standin.delivery import Sleep
from tests.acceptance.process import FREE, PATIENCE, ROOT, Process, command, running
from tests.acceptance.served import ADA, BOB, changed_policy
from tests.records import newest

FAR = 4_000_000_000.0
ASK = "/query/v1/projects/default/chat/"
STREAM = "/query/v1/projects/default/chat/stream/"


@dataclass
class World:
    """A gateway process, what stands around it, and everything that came out of it."""

    gateway: Process
    kapa: StandIn
    keys: Keys
    client: ClientSession
    state: Path
    answers: bytes = b""

    def caller(self, who: tuple[str, str, str] = ADA) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys.token(*who, FAR)}"}

    async def get(self, door: str, path: str, **more: Any) -> tuple[int, Mapping[str, str], bytes]:
        return await self.ask("GET", door, path, **more)

    async def ask(self, method: str, door: str, path: str, **more: Any) -> tuple[int, Mapping[str, str], bytes]:
        async with self.client.request(method, self.gateway.urls[door] + path, **more) as answer:
            body = await answer.read()
            self.answers += str(answer.raw_headers).encode() + body
            return answer.status, answer.headers, body


def environment_of(keys: Keys, kapa_url: str, crm_url: str, folder: Path) -> dict[str, str]:
    return dict(keys.environment(kapa_url, crm_url, str(folder / "state.db")))


@asynccontextmanager
async def world(folder: Path, *arguments: str, sleep: Sleep = asyncio.sleep) -> AsyncIterator[World]:
    keys = Keys.made(os.urandom)
    backend, crm_url = await start_backend()
    try:
        async with StandIn(sleep=sleep) as kapa, ClientSession() as client:
            environment = environment_of(keys, kapa.url, crm_url, folder)
            async with running(environment, arguments or ("policies", *FREE)) as gateway:
                yield World(gateway, kapa, keys, client, folder / "state.db")
    finally:
        await backend.cleanup()


async def test_the_probe_tells_how_it_is(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for path in ("/livez", "/readyz", "/health", "/health/ready", "/version", "/metrics"):
            status, headers, _ = await w.get("probe", path)
            assert (path, status, headers["Cache-Control"]) == (path, 200, "no-store")
        assert __version__.encode() in (await w.get("probe", "/version"))[2]
        assert b'"ledger":"healthy"' in (await w.get("probe", "/health/ready"))[2]
        assert (await w.get("data", "/livez"))[0] == 401
        assert (await w.get("probe", "/api/admin/config"))[0] == 404


async def test_metrics_can_be_read_and_count_what_happened(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.ask("POST", "data", ASK, json={"query": "hi"}, headers=w.caller())
        await w.ask("POST", "data", ASK, json={"query": "hi"})
        _, _, text = await w.get("probe", "/metrics")
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
    labels = {"endpoint": "/query/v1/projects/{project_id}/chat/", "method": "POST"}
    for status in ("200", "401"):
        assert samples["http_requests_total", *sorted({**labels, "status": status}.items())] == 1
    assert samples["kapa_queries_total", ("status", "answered"), ("tenant_id", "acme")] == 1
    assert any(name == "http_request_duration_seconds_bucket" for name, *_ in samples)
    assert any(name == "kapa_api_latency_seconds_count" for name, *_ in samples)


async def test_the_admin_port_tells_the_policy_in_force_and_how_dependencies_are(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        status, _, config = await w.get("admin", "/api/admin/config")
        assert status == 200
        for told in (b"policies/gateway.yaml", b"guard_answer", b"${env:JWT_SECRET}", b"acme", b"enrich"):
            assert told in config
        for secret in (w.keys.signing, w.keys.pepper, w.keys.pseudonyms, ACME_KEY, GLOBEX_KEY):
            assert secret.encode() not in config
        status, _, health = await w.get("admin", "/api/system/health")
        assert status == 200
        for name in (b"name", b"status", b"response_time_ms", b"message", b"details"):
            assert b'"%b":' % name in health


async def test_a_correlation_id_is_kept_everywhere(tmp_path: Path) -> None:
    trace = f"00-{'a1' * 16}-{'b2' * 8}-01"
    async with world(tmp_path) as w:
        sent = {**w.caller(), "X-Correlation-ID": "ticket-42.a_b", "traceparent": trace}
        _, headers, _ = await w.ask("POST", "data", ASK, json={"query": "hi"}, headers=sent)
        assert headers.getall("X-Correlation-ID") == ["ticket-42.a_b"]
        assert w.kapa.requests[-1].headers["X-Correlation-ID"] == "ticket-42.a_b"
        assert w.kapa.requests[-1].headers["traceparent"] == trace
        line = await w.gateway.line(correlation_id="ticket-42.a_b")
        w.gateway.terminate()
        assert await w.gateway.ended() == 0
        (row,) = newest(w.state, 1)
        assert row["correlation_id"] == "ticket-42.a_b"
        assert row["decision"] == line["decision"]


async def test_a_correlation_id_is_made_where_none_is_good(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for sent in (None, "two words", "a" * 129, "é", ""):
            given = {} if sent is None else {"X-Correlation-ID": sent}
            _, headers, body = await w.ask("POST", "data", ASK, json={"query": "hi"}, headers=given)
            made = headers["X-Correlation-ID"]
            assert made != sent
            assert 1 <= len(made) <= 128
            assert made.encode() in body
            assert (await w.gateway.line(correlation_id=made))["status"] == 401


async def test_every_line_of_the_log_has_what_was_promised(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.ask("POST", "data", ASK, json={"query": "hi"}, headers=w.caller())
        await w.ask("GET", "data", "/crm/customers/42?name=secret-of-the-query", headers=w.caller(BOB))
        await w.gateway.line(status=200, endpoint="/crm/{rest:*}")
        w.gateway.terminate()
        await w.gateway.ended()
    lines = w.gateway.lines
    told = [line["message"] for line in lines if line["message"] != "exchange" and line["level"] == "INFO"]
    assert told == ["serving", "stopping", "stopped"]
    for line in lines:
        assert line["service"] == "kapagate"
        assert line["level"] in {"INFO", "WARNING"}
        assert line["timestamp"].endswith("Z")
        assert len(line["timestamp"]) == len("2026-01-31T09:30:00.125Z")
    (chat, crm) = [line for line in lines if line["message"] == "exchange"]
    assert (chat["user_id"], chat["tenant_id"], chat["status"], chat["outcome"]) == ("ada", "acme", 200, "answered")
    assert chat["endpoint"] == "/query/v1/projects/{project_id}/chat/"
    assert chat["duration_ms"] > 0
    assert crm["user_id"] == "bob"
    assert b"secret-of-the-query" not in w.gateway.said


async def test_the_keys_of_kapa_and_of_callers_come_out_nowhere(tmp_path: Path) -> None:
    """Neither in answers and errors nor in the log, the metrics, the configuration and the records."""
    faults = ["status=400", "status=401", "html-502", "cut=30", "garbage-record", "unknown-record", "retry-after=7"]
    async with world(tmp_path) as w:
        for fault in ["no fault", *faults]:
            for path in (ASK, STREAM, "/query/v1/projects/default/retrieval/"):
                asking = w.ask("POST", "data", path, json={"query": f"[[{fault}]] x"}, headers=w.caller())
                with contextlib.suppress(ClientPayloadError):
                    await asking
        for sent in (
            {"X-API-KEY": w.keys.reporter.text},
            {"X-API-KEY": ACME_KEY},
            {"Authorization": f"Bearer {ACME_KEY}"},
        ):
            await w.ask("POST", "data", ASK, json={"query": "hi"}, headers=sent)
        for door, path in (("probe", "/metrics"), ("admin", "/api/admin/config"), ("admin", "/api/system/health")):
            await w.get(door, path)
        w.gateway.terminate()
        assert await w.gateway.ended() == 0
        written = b"".join(file.read_bytes() for file in sorted(w.state.parent.glob("state.db*")))
        token = w.caller()["Authorization"].removeprefix("Bearer ")
    assert all(seen.headers["X-API-KEY"] in (ACME_KEY, GLOBEX_KEY) for seen in w.kapa.requests)
    for secret in (ACME_KEY, GLOBEX_KEY, w.keys.signing, w.keys.pepper, w.keys.pseudonyms, w.keys.reporter.text, token):
        for place, said in (("answers", w.answers), ("log", w.gateway.said), ("state", written)):
            assert secret.encode() not in said, place


class Gate:
    """Holds Kapa's answers after their first piece, until it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        await self.open.wait()


async def test_on_sigterm_a_running_stream_is_finished_and_nothing_new_is_taken(tmp_path: Path) -> None:
    gate = Gate()
    policy = changed_policy(tmp_path, ("shutdown: {drain_delay: 0s", "shutdown: {drain_delay: 100ms"))
    async with world(tmp_path, str(policy), *FREE, sleep=gate.sleep) as w:
        question = {"query": "Tell me! [[stall=1]] [[size=3000]]"}
        async with w.client.post(w.gateway.urls["data"] + STREAM, json=question, headers=w.caller()) as answer:
            w.gateway.terminate()
            await w.gateway.line(message="stopping")
            status, _, body = await w.get("probe", "/readyz")
            assert (status, body) == (503, b'{"status":"draining"}')
            assert (await w.get("probe", "/livez"))[0] == 200
            await closed(w.gateway.urls["data"])
            gate.open.set()
            records = (await answer.read()).split("␞".encode())
        assert records[-1] == b""
        assert b'"identifiers"' in records[-2]
        assert await w.gateway.ended() == 0
        assert newest(w.state, 1)[0]["outcome"] == "answered"
    assert w.gateway.lines[-1]["message"] == "stopped"


async def closed(url: str) -> None:
    """Returns when nobody accepts there any more."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0)


async def test_what_does_not_finish_in_time_is_cut(tmp_path: Path) -> None:
    gate = Gate()
    policy = changed_policy(tmp_path, ("timeout: 25s", "timeout: 50ms"))
    async with world(tmp_path, str(policy), *FREE, sleep=gate.sleep) as w:
        question = {"query": "Tell me! [[stall=1]] [[size=3000]]"}
        async with w.client.post(w.gateway.urls["data"] + STREAM, json=question, headers=w.caller()) as answer:
            w.gateway.terminate()
            assert await w.gateway.ended() == 0
            with pytest.raises(ClientPayloadError):
                await answer.read()
        gate.open.set()
        assert newest(w.state, 1)[0]["outcome"] in {"gone", "failed"}


async def test_a_second_interrupt_is_as_good_as_the_first(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.gateway.process.send_signal(2)
        assert await w.gateway.ended() == 0


async def test_a_reader_of_the_log_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.gateway.process._transport.get_pipe_transport(2).close()
        for _ in range(3):
            assert (await w.ask("POST", "data", ASK, json={"query": "hi"}, headers=w.caller()))[0] == 200
        w.gateway.terminate()
        assert await w.gateway.ended() == 0
        assert len(newest(w.state, 9)) == 3


async def test_asyncios_debug_mode_is_refused_in_one_line(tmp_path: Path) -> None:
    debugging = {**environment_of(Keys.made(os.urandom), "http://127.0.0.1:1", "http://127.0.0.1:1", tmp_path)}
    code, out, err = await command("run", "policies", *FREE, environment={**debugging, "PYTHONASYNCIODEBUG": "1"})
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "PYTHONASYNCIODEBUG" in err


async def test_flags_win_over_the_policy(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        assert len({*w.gateway.urls.values()}) == 3
        assert not {"8080", "8081", "8082"} & {url.rpartition(":")[2] for url in w.gateway.urls.values()}


async def test_a_taken_address_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    environment = environment_of(Keys.made(os.urandom), "http://127.0.0.1:1", "http://127.0.0.1:1", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, out, err = await command("run", "policies", *FREE, "--data", address, environment=environment)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert address.rpartition(":")[2] in err
    assert "Traceback" not in err


async def test_an_invalid_policy_is_a_report_and_exit_code_3(tmp_path: Path) -> None:
    policy = changed_policy(tmp_path, ("  - rbac: {}", "  - rbak: {}"))
    code, out, err = await command("run", str(policy), *FREE)
    assert (code, out) == (3, "")
    assert "rbac" in err
    assert "KAPAGATE_STATE" in err
    assert "gateway.yaml:" in err
    assert "Traceback" not in err


async def test_wrong_usage_is_exit_code_2() -> None:
    code, out, err = await command("run", "policies", "--data", "8080")
    assert (code, out) == (2, "")
    assert "Traceback" not in err


HEAVY = {"sklearn", "sqlalchemy", "boto3", "rich", "redis", "requests", "grpc", "numpy", "aiosqlite", "jinja2"}
HEAVY |= {"cryptography", "jwt"}  # for public keys, which the example has none of
TELL_MODULES = """
import atexit, sys
atexit.register(lambda: print(*sys.modules))
from kapagate.cli import main
main(prog_name="kapagate")
"""


async def test_nothing_heavy_enters_the_process(tmp_path: Path) -> None:
    """Nor the stand-in, the demo or another command."""
    environment = environment_of(Keys.made(os.urandom), "http://127.0.0.1:1", "http://127.0.0.1:1", tmp_path)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TELL_MODULES, "run", "policies", *FREE),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        while b'"serving"' not in await process.stderr.readline():
            assert not process.stderr.at_eof()
        process.terminate()
        out, _ = await process.communicate()
    assert process.returncode == 0
    modules = set(out.decode().split())
    assert "kapagate.run" in modules
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    rooms = {name.split(".")[1] for name in modules if name.startswith("kapagate.")}
    assert not rooms & {"standin", "demo"}
    assert not {"kapagate.cli.keys", "kapagate.cli.demo", "kapagate.cli.check"} & modules
    assert not {"kapagate.policy.tryout", "difflib", "anyio._backends._asyncio"} & modules
