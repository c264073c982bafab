from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from kapagate.cli import main
from kapagate.cli.shadow_report import KEY, ago, text
from kapagate.demo.stage import Stage
from kapagate.identity.api_keys import create, digest
from kapagate.remote.references import References
from kapagate.run import open_gateway
from tests.acceptance.served import ANYWHERE, EVE, bearer, newest, served
from tests.test_run import ADMIN, SMALL

ASK = "/query/v1/projects/default/chat/"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with served(tmp_path) as stage:
        yield stage


async def report(stage: Stage, *options: str) -> Result:
    """The command asks a gateway that runs in this process, so it is called in a thread."""
    args = ["shadow-report", "--admin", stage.gateway.admin_url, *options]
    return await asyncio.to_thread(CliRunner().invoke, main, args)


async def test_a_report_names_what_would_have_been_refused_and_when(stage: Stage) -> None:
    assert "no exchange came to them" in (await report(stage)).output
    await stage.ask("POST", ASK, {"query": "[[pii]]"}, bearer(stage, EVE))
    decision = (await newest(stage))["decision"]
    told = await report(stage)
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert lines[0].startswith("in shadow: strict-answer; counted since 20")
    assert lines[2].split() == ["tenant", "step", "exchanges", "would_refuse", "would_change", *lines[2].split()[5:]]
    assert lines[3].split() == ["globex", "strict-answer", "1", "1", "0", "0", "0", "1"]
    assert f"    email: would refuse 1; decisions {decision}" in lines
    assert lines[-1].startswith("    last disagreement 0 s ago, at 20")
    assert lines[-1].endswith(f"decision {decision}")


async def test_the_same_as_json_and_of_a_tenant_or_step_alone(stage: Stage) -> None:
    await stage.ask("POST", ASK, {"query": "[[pii]]"}, bearer(stage, EVE))
    document = orjson.loads((await report(stage, "--format", "json")).output)
    assert [(each["tenant"], each["step"]) for each in document["shadows"]] == [("globex", "strict-answer")]
    async with stage.client.get(f"{stage.gateway.admin_url}/api/admin/shadow") as answer:
        asked = await answer.json()
    assert asked["shadows"][0]["rules"] == document["shadows"][0]["rules"]
    for options in (("--tenant", "acme"), ("--step", "answer")):
        assert orjson.loads((await report(stage, "--format", "json", *options)).output)["shadows"] == []


async def test_an_answer_without_findings_is_no_disagreement(stage: Stage) -> None:
    await stage.ask("POST", ASK, {"query": "how do I install it?"}, bearer(stage, EVE))
    assert "    no disagreement" in (await report(stage)).output.splitlines()


def test_a_gateway_that_is_not_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        told = CliRunner().invoke(main, ["shadow-report", "--admin", f"http://127.0.0.1:{taken.getsockname()[1]}"])
    assert told.exit_code == 1
    assert "does not tell" in told.output


@pytest.mark.parametrize("address", ["127.0.0.1:8081", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_an_address_that_is_none_is_wrong_usage(address: str) -> None:
    assert CliRunner().invoke(main, ["shadow-report", "--admin", address]).exit_code == 2


async def test_the_key_of_an_administrator_is_sent_and_a_refusal_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pepper, root = "pepper-" * 5, create("live", os.urandom)
    known = {"PEPPER": pepper, "ROOT_ID": root.id, "ROOT_DIGEST": digest(pepper.encode(), root)}
    policy = tmp_path / "small.yaml"
    policy.write_text(SMALL + "".join(line for line in ADMIN.splitlines(True) if "EYE" not in line))
    async with open_gateway([policy], References(known), ANYWHERE) as gateway:
        args = ["shadow-report", "--admin", gateway.admin_url]
        told = await asyncio.to_thread(CliRunner().invoke, main, args)
        assert (told.exit_code, "answers 401" in told.output, KEY in told.output) == (1, True, True)
        monkeypatch.setenv(KEY, root.text)
        told = await asyncio.to_thread(CliRunner().invoke, main, args)
        assert (told.exit_code, told.output) == (0, "no step is in shadow\n")


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"no JSON"])
def test_what_is_no_gateway_is_told_to_be_none(body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = Thread(target=_answer, args=(server, body))
        answering.start()
        args = ["shadow-report", "--admin", f"http://127.0.0.1:{server.getsockname()[1]}"]
        told = CliRunner().invoke(main, args)
        answering.join()
    assert told.exit_code == 1
    assert told.output.startswith("Error: http://127.0.0.1:")


def _answer(server: socket.socket, body: bytes) -> None:
    client, _ = server.accept()
    with client:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@pytest.mark.parametrize("key", ["kg_live_secret\nX: y", "kg_live_secret ", "kg_live_gehe\u0131m"])
def test_a_key_that_is_none_is_not_told(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv(KEY, key)
    told = CliRunner().invoke(main, ["shadow-report", "--admin", "http://127.0.0.1:1"])
    assert told.exit_code == 2
    assert KEY in told.output
    assert "kg_live" not in told.output


def test_no_step_in_shadow_is_told() -> None:
    assert text({"steps": [], "shadows": [], "since": ""}) == "no step is in shadow"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (12_065, "3 h 21 min"), (200_000, "2 d 7 h")]
)
def test_times_are_told_in_two_units(seconds: float, said: str) -> None:
    assert ago(seconds) == said


def test_what_comes_from_a_gateway_obeys_no_terminal() -> None:
    rule: dict[str, Any] = {"rule": "\x1b[31mred", "would_refuse": 1, "would_change": 0, "decisions": ["d"]}
    counted = dict.fromkeys(("exchanges", "would_refuse", "would_change", "failed", "skipped", "disagreements"), 1)
    row = {"tenant": "a\x07", "step": "s", **counted, "rules": [rule], "last_disagreement": None}
    said = text({"steps": ["s"], "shadows": [row], "since": "2027"})
    assert "\x1b" not in said
    assert "\x07" not in said
