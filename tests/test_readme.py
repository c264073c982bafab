"""The README's commands, run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from langchain_kapa_ai import KapaRetriever

from kapagate.demo.people import Keys

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line[2:] for kind, text in BLOCKS if kind == "console" for line in text.splitlines() if line[:2] == "$ "]
PATIENCE = 60


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCKS if found == kind]


def command(beginning: str) -> str:
    (found,) = [line for line in COMMANDS if line.startswith(beginning)]
    return found


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A shell in which `kapagate` is this checkout's, and what the example policy asks for is set."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    script = bin_folder / "kapagate"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kapagate "$@"\n')
    script.chmod(0o755)
    asked = Keys.made(os.urandom).environment("http://127.0.0.1:9", "http://127.0.0.1:9", str(tmp_path / "state.db"))
    return {**os.environ, **asked, "PATH": f"{bin_folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def shell(line: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line], cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_every_command_is_one_that_is_tried_here() -> None:
    assert [line.split()[0:2] for line in COMMANDS] == [
        ["make", "demo"],
        ["curl", "-s"],
        ["kapagate", "check"],
        ["kapagate", "test"],
        ["kapagate", "keys"],
        ["kapagate", "run"],
    ]


def test_the_tests_of_the_example_policy_pass(environment: dict[str, str]) -> None:
    done = shell(command("kapagate test"), environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all passed" in done.stdout


def test_the_demo_keeps_its_promises() -> None:
    of_the_calling_make = {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "ARGS"}
    clean = {name: value for name, value in os.environ.items() if name not in of_the_calling_make}
    done = shell(f"{command('make demo')} ONCE=1", clean)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every outcome as promised" in done.stdout


@pytest.fixture
def exports(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The `export` lines of a demo that serves."""
    with subprocess.Popen(
        [sys.executable, "-m", "kapagate", "demo", "--serve"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        found: dict[str, str] = {}
        for line in demo.stdout:
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                found[name] = value
            if line.startswith("Metrics:"):
                break
        yield found
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(PATIENCE) == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: the README's call is not tried")
def test_the_call_prints_what_the_readme_shows(environment: dict[str, str], exports: dict[str, str]) -> None:
    line = command("curl -s")
    shown = next(text for text in blocks("console") if line in text).split(line)[1]
    assert shell(line, {**environment, **exports}).stdout.strip() == shown.strip()


def test_the_example_policy_has_no_problems(environment: dict[str, str]) -> None:
    done = shell(command("kapagate check"), environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("no problems\n")


def test_keys_are_made_with_the_policys_pepper(environment: dict[str, str]) -> None:
    done = shell(command("kapagate keys"), environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kg_live_")
    (entry,) = yaml.safe_load(done.stdout.split("\n", 1)[1])
    assert (entry["tenant"], entry["subject"], entry["roles"]) == ("acme", "nightly-report", ["viewer"])


def test_it_runs_until_it_is_told_to_stop(environment: dict[str, str]) -> None:
    ports = " --data 127.0.0.1:0 --probe 127.0.0.1:0 --admin 127.0.0.1:0"
    line = f"exec {command('kapagate run')}{ports}"
    with subprocess.Popen(
        ["bash", "-c", line], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as gateway:
        assert gateway.stderr is not None
        assert any('"message":"serving"' in line for line in gateway.stderr)
        gateway.send_signal(signal.SIGTERM)
        gateway.stderr.read()
        assert gateway.wait(PATIENCE) == 0


def test_the_shown_lines_of_policy_are_those_of_the_example() -> None:
    shown = yaml.safe_load(blocks("yaml")[0])
    example = next(yaml.safe_load_all((ROOT / "policies" / "gateway.yaml").read_text()))
    for lane in ("gate", "chain"):
        declared = {name for step in example[lane] for name in step}
        assert {name for step in shown[lane] for name in step} <= declared
    for step in shown["chain"]:
        (name,) = set(step) - {"locked"}
        (same,) = [other[name] for other in example["chain"] if name in other and other.get("mode") != "shadow"]
        assert step[name].keys() <= same.keys()


def test_the_shown_client_can_be_made() -> None:
    (line,) = blocks("python")
    client = eval(line, {"KapaRetriever": KapaRetriever, "GATEWAY_KEY": "key"})
    assert client.base_url.startswith("http://127.0.0.1:8080")
