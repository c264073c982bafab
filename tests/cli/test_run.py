"""`kapagate run` as a function; as a process it is tried in `tests/acceptance/test_process.py`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from kapagate.cli import main
from kapagate.cli import run as command
from kapagate.policy.gateway import Address
from kapagate.run import Addresses

GATEWAY = "apiVersion: kapagate.dev/v1\nkind: Gateway\nname: docs\n"


pytestmark = pytest.mark.usefixtures("root_logger")


@pytest.fixture(autouse=True)
def confined(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The commands stay in this process, which must not be confined. Tells how often it would have been."""
    times: list[bool] = []
    monkeypatch.setattr(command, "confine", lambda: times.append(True))
    monkeypatch.setattr(command, "is_root", lambda: False)
    return times


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(GATEWAY)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.run, arguments)


class Drained:
    """A gateway that remembers how it was stopped."""

    data_url, probe_url, admin_url, drain_delay = "http://d", "http://p", "http://a", 0.0

    def __init__(self) -> None:
        self.lifecycle = type("Lifecycle", (), {"draining": False})()
        self.was_ready_when_drained: bool | None = None

    def ask_reload(self) -> None:
        """SIGHUP."""

    async def drain(self) -> None:
        self.was_ready_when_drained = not self.lifecycle.draining


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_it_after_it_said_that_it_is_not_ready(
    policy: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    gateway, opened = Drained(), []

    @asynccontextmanager
    async def open_gateway(*arguments: Any) -> AsyncIterator[Drained]:
        opened.extend(arguments)
        os.kill(os.getpid(), number)
        yield gateway

    monkeypatch.setattr(command, "open_gateway", open_gateway)
    result = run(str(policy), "--data", "127.0.0.1:1", "--probe", "[::1]:0")
    assert result.exit_code == 0, result.output
    assert gateway.was_ready_when_drained is False
    assert opened[0] == (policy,)
    assert opened[2] == Addresses(Address("127.0.0.1", 1), Address("::1", 0), None)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("delay", [0.0, 3600.0])
def test_a_second_signal_ends_what_still_runs(
    policy: Path, monkeypatch: pytest.MonkeyPatch, second: signal.Signals, delay: float
) -> None:
    class Endless(Drained):
        drain_delay, cut = delay, False

        async def drain(self) -> None:
            await self._forever()

        async def _forever(self) -> None:
            os.kill(os.getpid(), second)
            try:
                await asyncio.sleep(3600)
            finally:
                self.cut = True

    gateway = Endless()

    @asynccontextmanager
    async def open_gateway(*arguments: Any) -> AsyncIterator[Drained]:
        os.kill(os.getpid(), signal.SIGTERM)
        if delay:
            asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), second)
        yield gateway

    monkeypatch.setattr(command, "open_gateway", open_gateway)
    result = run(str(policy))
    assert result.exit_code == 0, result.output
    assert gateway.cut is not bool(delay)
    assert "told to stop again" in result.stderr
    assert '"message":"stopped"' in result.stderr


@pytest.fixture
def hangups() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangups")
def test_a_hangup_before_it_serves_is_a_reload_as_soon_as_it_does(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Asked(Drained):
        def ask_reload(self) -> None:
            asked.append("reload")
            os.kill(os.getpid(), signal.SIGTERM)

    @asynccontextmanager
    async def open_gateway(*arguments: Any) -> AsyncIterator[Drained]:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        yield Asked()

    monkeypatch.setattr(command, "open_gateway", open_gateway)
    result = CliRunner().invoke(main, ["run", str(policy)])
    assert (result.exit_code, asked) == (0, ["reload"])


@pytest.mark.usefixtures("hangups")
def test_a_hangup_while_it_is_imported_ends_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    main.resolve_command(click.Context(main), ["check"])
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    main.resolve_command(click.Context(main), ["run"])
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_state_that_can_never_be_kept_is_one_line_and_exit_code_1(policy: Path, tmp_path: Path) -> None:
    policy.write_text(f"{GATEWAY}state: sqlite:{tmp_path}/missing/state.db\n")
    result = run(str(policy), "--data", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--probe", "127.0.0.1:0")
    assert result.exit_code == 1
    said = f"kapagate: nothing can be kept in {tmp_path}/missing/state.db: no such file or directory\n"
    assert result.stderr.endswith(said)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_level_of_the_command_line_wins_over_the_policys(
    policy: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    root, told = logging.getLogger(), []
    monkeypatch.setattr(root, "level", root.level)

    @asynccontextmanager
    async def open_gateway(*arguments: Any) -> AsyncIterator[Drained]:
        arguments[3].become("debug" if level == "error" else "error", 1.0)
        told.append((logging.getLevelName(root.level), arguments[3].finished is not None))
        os.kill(os.getpid(), signal.SIGTERM)
        yield Drained()

    monkeypatch.setattr(command, "open_gateway", open_gateway)
    assert run(str(policy), "--log-level", level).exit_code == 0
    assert told == [(level.upper(), level in ("debug", "info"))]


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (OSError(98, "address already in use"), "address already in use"),
        (OSError(2, "No such file or directory", "/run/kapagate"), "/run/kapagate: No such file or directory"),
        (OSError("AF_UNIX path too long"), "AF_UNIX path too long"),
        (ValueError("the admin port needs admin keys"), "the admin port needs admin keys"),
    ],
)
def test_what_fails_at_run_time_is_one_line_and_exit_code_1(
    policy: Path, monkeypatch: pytest.MonkeyPatch, cause: Exception, said: str
) -> None:
    def open_gateway(*arguments: Any) -> Any:
        raise cause

    monkeypatch.setattr(command, "open_gateway", open_gateway)
    result = run(str(policy))
    assert result.exit_code == 1
    assert result.stderr == f"kapagate: {said}\n"


def test_an_invalid_policy_is_reported_with_exit_code_3(policy: Path) -> None:
    policy.write_text(GATEWAY.replace("name", "nmae"))
    result = run(str(policy))
    assert (result.exit_code, result.stdout) == (3, "")
    assert 'unknown field "nmae"' in result.stderr
    assert result.stderr.endswith("1 document, 0 tenants, 0 routes: 1 error\n")


def test_an_admin_port_without_keys_opens_on_loopback_alone(policy: Path) -> None:
    result = run(str(policy), "--data", "127.0.0.1:0", "--admin", "0.0.0.0:0", "--probe", "127.0.0.1:0")
    assert result.exit_code == 1
    assert "admin keys" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_it_is_confined_before_the_policy_is_read(policy: Path, confined: list[bool]) -> None:
    policy.write_text("no policy")
    assert run(str(policy)).exit_code == 3
    assert confined == [True]


def test_the_superuser_is_warned_and_served(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def open_gateway(*arguments: Any) -> AsyncIterator[Drained]:
        os.kill(os.getpid(), signal.SIGTERM)
        yield Drained()

    monkeypatch.setattr(command, "open_gateway", open_gateway)
    monkeypatch.setattr(command, "is_root", lambda: True)
    result = run(str(policy))
    assert result.exit_code == 0
    warnings = [line for line in result.stderr.splitlines() if '"level":"WARNING"' in line]
    assert len(warnings) == 1
    assert "running as root" in warnings[0]


def test_in_debug_mode_it_says_what_to_unset_with_exit_code_1(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    result = run(str(policy))
    assert result.exit_code == 1
    assert "unset PYTHONASYNCIODEBUG" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_data_alone_may_be_a_unix_socket(policy: Path, tmp_path: Path) -> None:
    for door in ("--probe", "--admin"):
        assert run(str(policy), door, "unix:/run/x.sock").exit_code == 2
    (tmp_path / "taken").write_text("no socket")
    result = run(str(policy), "--data", f"unix:{tmp_path}/taken", "--probe", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    assert result.exit_code == 1
    assert result.stderr.endswith("taken is there, and is no socket\n")


@pytest.mark.parametrize("address", ["8080", "localhost", ":1", "127.0.0.1:70000", "::1:80", "127.0.0.1:x"])
def test_an_address_that_is_none_is_wrong_usage(policy: Path, address: str) -> None:
    result = run(str(policy), "--data", address)
    assert result.exit_code == 2
    assert "HOST:PORT" in result.stderr
