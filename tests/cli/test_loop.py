from __future__ import annotations

import asyncio
import builtins
import logging
from typing import Any

import pytest

from kapagate.cli.loop import DebugMode, run_loop


def ran_on() -> tuple[type, list[str]]:
    """The loop that a command gets, and what happened in it."""
    happened: list[Any] = []

    async def main() -> None:
        happened.append(type(asyncio.get_running_loop()))
        await asyncio.sleep(0)
        happened.append("done")

    run_loop(main())
    return happened[0], happened[1:]


def test_commands_run_on_uvloop() -> None:
    loop, happened = ran_on()
    assert loop.__module__.startswith("uvloop")
    assert happened == ["done"]


def test_without_uvloop_it_says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "uvloop":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with caplog.at_level(logging.WARNING):
        loop, happened = ran_on()
    assert loop.__module__.startswith("asyncio")
    assert happened == ["done"]
    assert "uvloop is not installed" in caplog.text


def test_what_main_raises_comes_out() -> None:
    async def main() -> None:
        raise LookupError("from main")

    with pytest.raises(LookupError, match="from main"):
        run_loop(main())


def test_debug_mode_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    happened: list[str] = []

    async def main() -> None:
        happened.append("ran")

    with pytest.raises(DebugMode, match="debug mode"):
        run_loop(main())
    assert happened == []
