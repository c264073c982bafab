from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from kapagate.cli import demo as command
from kapagate.demo.scenes import SCENES, Shown, answered
from kapagate.demo.stage import Stage
from kapagate.standin.specimens import SPECIMENS

PATIENCE = 20.0


@asynccontextmanager
async def demonstration(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the demo, with temporary files in `folder`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kapagate", "demo", *arguments),
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_once_plays_every_scene_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with demonstration(tmp_path, "--once") as process, asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    told = out.decode()
    assert (process.returncode, err) == (0, b"")
    for number in range(1, len(SCENES) + 1):
        assert f"\n{number:>3}  " in told
    for promised in (" 200 ", " 401 ", " 403 ", " 429 ", "<email>", "The audit has a row", "http_requests_total{"):
        assert promised in told
    for row in ("answer email:1 phone:1", "ask email:1", "identify refused", "rbac refused", "rate_limit refused"):
        assert row in told.split("The audit has a row")[1]
    assert told.endswith(f"{len(SCENES)} scenes: every outcome as promised.\n")
    assert "\x1b" not in told
    assert not [specimen for specimen in SPECIMENS.values() if specimen in told]
    assert os.listdir(tmp_path) == []


async def test_without_a_terminal_it_ends_by_itself(tmp_path: Path) -> None:
    async with demonstration(tmp_path) as process, asyncio.timeout(PATIENCE):
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert b"GATEWAY=" not in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_serving_on_it_prints_lines_that_work_when_they_are_pasted(
    tmp_path: Path, number: signal.Signals
) -> None:
    curl, bash = which("curl"), which("bash")
    async with demonstration(tmp_path, "--serve") as process, asyncio.timeout(PATIENCE):
        assert process.stdout is not None
        told = (await process.stdout.readuntil(b"Ctrl-C ends it.")).decode()
        pasted = [line for line in told.splitlines() if line.startswith(("export ", "curl "))]
        assert [line.split()[0] for line in pasted] == ["export", "export", "curl"]
        if curl and bash:
            shell = await asyncio.create_subprocess_exec(bash, "-c", "\n".join(pasted), stdout=asyncio.subprocess.PIPE)
            answer, _ = await shell.communicate()
            assert "<email>" in orjson.loads(answer)["answer"]
        process.send_signal(number)
        assert await process.wait() == 0
    assert os.listdir(tmp_path) == []


async def test_on_a_terminal_it_is_coloured_and_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "TERM": "xterm"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kapagate", "demo"), env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        async with asyncio.timeout(PATIENCE):
            told = b""
            while b"Ctrl-C ends it." not in told:
                told += await asyncio.to_thread(os.read, ours, 4096)
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        os.close(ours)
    assert b"\x1b[32m200\x1b[0m" in told
    assert b"Traceback" not in told


async def missed(stage: Stage) -> Shown:
    shown = Shown("a scene that goes wrong", 200, "it went wrong")
    shown.expect(False, "that it goes well")
    return shown


async def broken(stage: Stage) -> Shown:
    raise LookupError("a scene with a bug")


def play(monkeypatch: pytest.MonkeyPatch, *scenes: Any) -> Any:
    monkeypatch.setattr(command, "SCENES", scenes)
    return CliRunner().invoke(command.demo, ["--once"])


def test_a_promise_that_is_not_kept_is_named_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    result = play(monkeypatch, answered, missed)
    assert result.exit_code == 1
    assert "not as promised: that it goes well" in result.stdout
    assert "2 scenes: 1 promise was not kept." in result.stdout


def test_a_scene_that_breaks_is_a_promise_not_kept_and_the_others_are_played(monkeypatch: pytest.MonkeyPatch) -> None:
    result = play(monkeypatch, broken, answered)
    assert result.exit_code == 1
    assert "not as promised:" in result.stdout
    assert "LookupError" in result.stdout
    assert "  2  200  " in result.stdout


def test_a_policy_that_was_spoilt_is_reported_with_exit_code_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.demo.stage.POLICY", tmp_path / "no-policies-here")
    result = CliRunner().invoke(command.demo, ["--once"])
    assert (result.exit_code, result.stdout) == (3, "")
    assert "no-policies-here" in result.stderr


def test_an_installation_without_the_example_policy_says_that_the_demo_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "POLICY", tmp_path / "policies")
    result = CliRunner().invoke(command.demo, ["--once"])
    assert result.exit_code == 1
    assert "a checkout" in result.output
    assert "KG101" not in result.output
