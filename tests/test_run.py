from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientError, ClientSession, UnixConnector

from kapagate.demo.people import ACME_PROJECT, Keys
from kapagate.demo.stage import POLICY, Stage
from kapagate.identity.api_keys import create, digest
from kapagate.policy.gateway import Address, UnixAddress
from kapagate.remote.references import References
from kapagate.run import Addresses, Gateway, InvalidPolicy, offline, open_gateway
from kapagate.telemetry.verbosity import Verbosity
from tests.acceptance.served import ADA, ANYWHERE, BOB, bearer, served
from tests.authority import Authority
from tests.records import newest, of_exchanges

SMALL = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: small
listen: {data: "127.0.0.1:0", probe: "127.0.0.1:0", admin: "127.0.0.1:0"}
"""
ASK = "/query/v1/projects/default/chat/"


@asynccontextmanager
async def small(folder: Path, *more: str, addresses: Addresses = ANYWHERE) -> AsyncIterator[Gateway]:
    """A gateway that knows nobody and nothing."""
    policy = folder / "small.yaml"
    policy.write_text("".join([SMALL, *more]))
    async with open_gateway([policy], References({}), addresses) as gateway:
        yield gateway


async def status(url: str, **headers: str) -> int:
    async with ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status


def listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


async def test_all_doors_are_open_inside_and_closed_outside(tmp_path: Path) -> None:
    async with small(tmp_path) as gateway:
        urls = [gateway.data_url, gateway.probe_url, gateway.admin_url]
        assert len(set(urls)) == 3
        assert all(map(listens, urls))
        assert await status(f"{gateway.probe_url}/readyz") == 200
        assert await status(f"{gateway.data_url}/x") in {401, 404}
    assert not any(map(listens, urls))


async def test_a_probe_without_an_address_answers_at_the_admin_address(tmp_path: Path) -> None:
    policy = tmp_path / "small.yaml"
    policy.write_text(SMALL.replace('probe: "127.0.0.1:0", ', ""))
    async with open_gateway([policy], References({}), Addresses()) as gateway:
        assert gateway.probe_url == gateway.admin_url
        assert await status(f"{gateway.probe_url}/livez") == 200
        assert await status(f"{gateway.admin_url}/api/admin/config") == 200


async def test_an_address_given_wins_over_the_policys(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with small(tmp_path, addresses=Addresses(probe=Address("127.0.0.1", port))) as gateway:
        assert gateway.probe_url == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("door", ["data", "probe", "admin"])
async def test_a_taken_address_leaves_nothing_open(tmp_path: Path, door: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        addresses = {name: Address("127.0.0.1", 0) for name in ("data", "probe", "admin")}
        addresses[door] = Address(*taken.getsockname())
        other = "admin" if door == "data" else "data"
        addresses[other] = Address(*free.getsockname())
        free.close()
        with pytest.raises(OSError, match="address already in use"):
            async with small(tmp_path, addresses=Addresses(**addresses)):
                raise AssertionError("it serves")
        assert not listens(f"http://{addresses[other]}")


@asynccontextmanager
async def opened(folder: Path, listen: str) -> AsyncIterator[Gateway]:
    """A small gateway whose data address is declared anew."""
    policy = folder / "small.yaml"
    policy.write_text(SMALL.replace('data: "127.0.0.1:0"', listen))
    async with open_gateway([policy], References({}), Addresses()) as gateway:
        yield gateway


async def test_data_may_be_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "data.sock"
    async with opened(tmp_path, f'data: "unix:{path}", socket: {{mode: "0600"}}') as gateway:
        assert gateway.data_url == f"unix:{path}"
        assert mode(path) == 0o600
        client = ClientSession(connector=UnixConnector(str(path)))
        async with client, client.get("http://any.name.at.all/x") as answer:
            assert answer.status in {401, 404}
        await gateway.drain()
        assert mode(path) is None
        assert await status(f"{gateway.probe_url}/livez") == 200
    assert mode(path) is None


def mode(path: Path) -> int | None:
    return path.stat().st_mode & 0o777 if path.exists() else None


async def test_a_unix_socket_that_is_given_wins_over_the_policys_address(tmp_path: Path) -> None:
    path = tmp_path / "data.sock"
    async with small(tmp_path, addresses=Addresses(data=UnixAddress(str(path)))) as gateway:
        assert gateway.data_url == f"unix:{path}"
        assert mode(path) == 0o660


async def test_a_unix_socket_that_is_served_already_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "data.sock"
    async with opened(tmp_path, f'data: "unix:{path}"') as gateway:
        with pytest.raises(OSError, match="another process listens at"):
            async with small(tmp_path, addresses=Addresses(data=UnixAddress(str(path)))):
                raise AssertionError("it serves")
        assert mode(path) == 0o660
        assert await status(f"{gateway.probe_url}/livez") == 200


async def test_data_may_speak_tls_and_ask_for_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    certificate, key = authority.issue("server")
    tls = f"tls: {{certificate: {certificate}, key: {key}, client_ca: {authority.file}}}"
    async with opened(tmp_path, f'data: "127.0.0.1:0", {tls}') as gateway:
        assert gateway.data_url.startswith("https://127.0.0.1:")
        async with ClientSession() as client:
            async with client.get(f"{gateway.data_url}/x", ssl=authority.client("ada")) as answer:
                assert answer.status in {401, 404}
            with pytest.raises(ClientError):
                await client.get(f"{gateway.data_url}/x", ssl=authority.client())


async def test_certificates_that_cannot_be_used_open_nothing(tmp_path: Path) -> None:
    tls = f"tls: {{certificate: {tmp_path}/none.crt, key: {tmp_path}/none.key}}"
    with pytest.raises(ValueError, match=r"none\.crt: No such file"):
        async with opened(tmp_path, f'data: "127.0.0.1:0", {tls}'):
            raise AssertionError("it serves")


@pytest.mark.parametrize(
    ("listen", "host", "answered"),
    [
        ("", "localhost:8080", True),
        ("", "evil.example", False),
        ("", "gateway", False),
        ("hosts: [gateway]", "gateway:8080", True),
        ("hosts: [gateway]", "evil.example", False),
        ('public_url: "https://ask.example:8443"', "ask.example", True),
        ('public_url: "https://ask.example"', "ask.example.evil.example", False),
    ],
)
async def test_on_loopback_data_answers_to_its_own_names(
    tmp_path: Path, listen: str, host: str, answered: bool
) -> None:
    async with opened(tmp_path, ", ".join(filter(None, ['data: "127.0.0.1:0"', listen]))) as gateway:
        assert (await status(f"{gateway.data_url}/x", Host=host) != 421) is answered


@pytest.mark.parametrize(("listen", "answered"), [("", True), ("hosts: [gateway]", False)])
async def test_elsewhere_it_answers_to_any_name_unless_some_are_declared(
    tmp_path: Path, listen: str, answered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path, ", ".join(filter(None, ['data: "0.0.0.0:0"', listen]))) as gateway:
        url = gateway.data_url.replace("0.0.0.0", "127.0.0.1")
        assert (await status(f"{url}/x", Host="any.example") != 421) is answered
        assert await status(f"{url}/x", Host="gateway") != 421
    assert "open to other machines without TLS" in caplog.text


async def test_on_loopback_nobody_is_warned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with small(tmp_path):
        assert "TLS" not in caplog.text


async def test_the_demo_plays_by_the_names_of_loopback(tmp_path: Path) -> None:
    async with served(tmp_path) as stage:
        rebound = {**bearer(stage), "Host": "evil.example"}
        reply = await stage.ask("POST", ASK, {"query": "hi"}, rebound)
        assert reply.status == 421
        assert reply.document["type"].endswith("/misdirected")
        assert stage.kapa.requests == []
        assert 'kapagate_unadmitted_total{problem="misdirected"} 1.0' in await stage.metrics()


async def test_a_policy_with_errors_opens_nothing_and_tells_them_all(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        async with small(tmp_path, "nmae: x\n", "state: sqlite:${env:NOWHERE}\n"):
            raise AssertionError("it serves")
    report = caught.value.loaded.report()
    assert 'unknown field "nmae"' in report
    assert "NOWHERE" in report
    assert str(caught.value) == "1 document, 0 tenants, 0 routes: 2 errors"
    assert os.listdir(tmp_path) == ["small.yaml"]


async def test_warnings_of_the_policy_are_logged_and_it_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with served(tmp_path, environment={"KG_GLOBEX_PROJECT": ACME_PROJECT}) as stage:
            assert (await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))).status == 200
    (warning,) = caplog.records
    assert "globex.yaml" in warning.getMessage()


async def test_without_a_policy_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicy):
        async with open_gateway([tmp_path], References({}), ANYWHERE):
            raise AssertionError("it serves")


async def test_draining_it_takes_nothing_new_and_says_so(tmp_path: Path) -> None:
    async with small(tmp_path) as gateway:
        await gateway.drain()
        assert not listens(gateway.data_url)
        assert await status(f"{gateway.probe_url}/readyz") == 503
        assert await status(f"{gateway.probe_url}/livez") == 200


async def test_idle_connections_do_not_hold_the_end_up(tmp_path: Path) -> None:
    async with small(tmp_path) as gateway:
        host, _, port = gateway.data_url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(gateway.drain(), 5)
        await asyncio.wait_for(reader.read(), 5)
        writer.close()


async def test_what_happened_last_is_on_disk_when_it_has_ended(tmp_path: Path) -> None:
    async with served(tmp_path) as stage:
        reply = await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
    assert newest(tmp_path / "state.db", 1)[0]["correlation_id"] == reply.headers["X-Correlation-ID"]


async def test_state_in_memory_leaves_no_file(tmp_path: Path) -> None:
    async with served(tmp_path, ('state: "sqlite:${env:KAPAGATE_STATE}"', "state: memory")) as stage:
        await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
        assert len(of_exchanges(await stage.gateway.ledger.query(10))) == 1
    assert os.listdir(tmp_path) == ["policies"]


async def test_one_line_per_exchange_goes_to_the_log_that_is_given(tmp_path: Path) -> None:
    log = BytesIO()
    async with served(tmp_path, log=log) as stage:
        for _ in range(3):
            await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
    assert [orjson.loads(line)["status"] for line in log.getvalue().splitlines()] == [200] * 3


async def test_how_much_is_logged_changes_with_the_policy(tmp_path: Path) -> None:
    log, policy = BytesIO(), tmp_path / "small.yaml"
    policy.write_text(f"{SMALL}log: {{level: warning}}\n")
    verbosity = Verbosity(log)
    async with open_gateway([policy], References({}), ANYWHERE, verbosity) as gateway:
        await status(f"{gateway.data_url}/x")
        policy.write_text(SMALL)
        assert (await gateway.reload("test")).needs_restart == ()
        await status(f"{gateway.data_url}/y")
        verbosity.flush()
    assert len(log.getvalue().splitlines()) == 1


async def test_what_the_parser_refuses_is_counted(tmp_path: Path) -> None:
    async with small(tmp_path) as gateway:
        host, _, port = gateway.data_url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"what is this?\r\n\r\n")
        assert b"400" in await reader.readline()
        writer.close()
        async with ClientSession() as client, client.get(f"{gateway.probe_url}/metrics") as answer:
            text = await answer.text()
        assert 'kapagate_unadmitted_total{problem="malformed-request"} 1.0' in text
        assert "kapagate_connections " in text


@pytest.mark.parametrize(("who", "expected"), [(BOB, 200), (ADA, 403), (None, 401)])
async def test_health_is_served_on_the_data_port_by_role(
    tmp_path: Path, who: tuple[str, str, str] | None, expected: int
) -> None:
    async with served(tmp_path) as stage:
        reply = await stage.ask("GET", "/api/system/health", headers=bearer(stage, who) if who else {})
        assert reply.status == expected
        if expected == 200:
            dependencies = reply.document["dependencies"]
            assert dependencies[0].keys() == {"name", "status", "response_time_ms", "message", "details"}
            told = {each["name"]: each["status"] for each in dependencies}
            names = ("ledger", "owners", "replays", "upstream.kapa", "upstream.crm")
            assert told == dict.fromkeys(names, "healthy")
        assert (await stage.ask("GET", "/api/admin/config", headers=bearer(stage, BOB))).status == 404


ADMIN = """
admin_keys:
  pepper: "${env:PEPPER}"
  keys:
    - {id: "${env:ROOT_ID}", digest: "${env:ROOT_DIGEST}", tenant: ops, subject: root, roles: [admin]}
    - {id: "${env:EYE_ID}", digest: "${env:EYE_DIGEST}", tenant: ops, subject: eye, roles: [operator]}
roles:
  admin: {allow: ["*"]}
  operator: {allow: [admin.health.read]}
"""


async def test_with_admin_keys_the_admin_port_asks_for_them(tmp_path: Path) -> None:
    pepper = "pepper-" * 5
    root, eye = create("live", os.urandom), create("live", os.urandom)
    environment = {
        "PEPPER": pepper,
        "ROOT_ID": root.id,
        "ROOT_DIGEST": digest(pepper.encode(), root),
        "EYE_ID": eye.id,
        "EYE_DIGEST": digest(pepper.encode(), eye),
    }
    policy = tmp_path / "small.yaml"
    policy.write_text(SMALL + ADMIN)
    async with open_gateway([policy], References(environment), ANYWHERE) as gateway:
        config, health = f"{gateway.admin_url}/api/admin/config", f"{gateway.admin_url}/api/system/health"
        assert [await status(config), await status(health)] == [401, 401]
        assert [await status(each, **{"X-Api-Key": root.text}) for each in (config, health)] == [200, 200]
        assert [await status(each, **{"X-Api-Key": eye.text}) for each in (config, health)] == [403, 200]
        assert await status(config, Authorization=f"Bearer {root.text}") == 200
        assert await status(f"{gateway.probe_url}/livez") == 200


def test_offline_everything_is_compiled_and_nothing_is_opened(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    environment = Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:2", str(state))
    loaded = offline([POLICY], References(environment))
    assert loaded.ok
    assert loaded.summary() == f"{loaded.documents} documents, 2 tenants, {loaded.routes} routes: no problems"
    assert not state.exists()


async def test_two_gateways_in_one_process_do_not_meet(tmp_path: Path) -> None:
    """Neither in their metrics nor in their limits nor in their records."""
    stages: list[Stage] = []
    async with AsyncExitStack() as stack:
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            limit = {"RATE_LIMIT_PER_MINUTE": "1", "RATE_LIMIT_BURST": "1"}
            stages.append(await stack.enter_async_context(served(folder, environment=limit)))
        replies = [await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage)) for stage in stages]
        assert [reply.status for reply in replies] == [200, 200]
        for stage in stages:
            assert 'kapa_queries_total{status="answered",tenant_id="acme"} 1.0' in await stage.metrics()
            await stage.gateway.ledger.flush()
            assert len(of_exchanges(await stage.gateway.ledger.query(10))) == 1
