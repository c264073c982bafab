from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from kapagate.cli.standin import stand_in
from kapagate.standin import DEFAULT_PROJECTS, StandIn

PROJECT = "33333333-3333-4333-8333-333333333333"
DEFAULT, KEY = next(iter(DEFAULT_PROJECTS.items()))
PROGRAM = "from kapagate.cli.standin import stand_in; stand_in()"


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """The process and its first line."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = (sys.executable, "-c", PROGRAM, "--listen", "127.0.0.1:0", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_says_where_and_what_it_is_and_stops_cleanly(number: signal.Signals) -> None:
    async with started() as (process, line):
        assert "for demos and tests only: http://127.0.0.1:" in line
        assert "stand-in-key-one" in line
        process.send_signal(number)
        rest, errors = await process.communicate()
    assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_serves_the_given_project_with_the_given_faults_and_hides_its_key() -> None:
    options = ("--project", PROJECT, "--key", "a-key", "--faults", '{"echo": true}')
    async with started(*options) as (_, line):
        assert "a-key" not in line
        url = f"{line.rpartition(' ')[2].strip()}/query/v1/projects/{PROJECT}/chat/"
        async with (
            aiohttp.ClientSession(headers={"X-API-Key": "a-key"}) as session,
            session.post(url, json={"query": "my words"}) as answer,
        ):
            assert (await answer.json())["answer"] == "my words"


async def test_takes_the_faults_of_a_file_and_a_limit(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('{"echo": true}', encoding="utf-8")
    async with started("--faults", str(faults), "--limit", "1") as (_, line):
        url = f"{line.split(' (')[0].rpartition(' ')[2].strip()}/query/v1/projects/{DEFAULT}/chat/"
        async with aiohttp.ClientSession(headers={"X-API-Key": KEY}) as session:
            async with session.post(url, json={"query": "my words"}) as answer:
                assert (await answer.json())["answer"] == "my words"
            async with session.post(url, json={"query": "more"}) as answer:
                assert answer.status == 429


async def test_a_port_in_use_is_one_line_and_exit_code_1() -> None:
    async with StandIn() as running:
        address = running.url.removeprefix("http://")
        result = await asyncio.to_thread(CliRunner().invoke, stand_in, ["--listen", address])
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert result.output.startswith(f"Error: cannot listen on {address}: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--listen", "8090"],
        ["--listen", "127.0.0.1:70000"],
        ["--project", PROJECT],
        ["--project", "no-uuid", "--key", "k"],
        ["--faults", "[]"],
        ["--faults", "{"],
        ["--faults", "no/such/file.json"],
        ["--limit", "-1"],
        ["--faults", '{"nonsense": true}'],
        ["--nonsense"],
    ],
)
def test_bad_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(stand_in, arguments).exit_code == 2
