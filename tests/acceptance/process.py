"""The gateway as people run it: a process of its own, told by flags and environment, heard on its standard error."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0
FREE = ("--data", "127.0.0.1:0", "--probe", "127.0.0.1:0", "--admin", "127.0.0.1:0")


@dataclass
class Process:
    """One that runs. `said` is everything on its standard error so far."""

    process: asyncio.subprocess.Process
    said: bytes = b""
    urls: dict[str, str] = field(default_factory=dict)
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The whole lines so far; every one must be a JSON object."""
        return [orjson.loads(line) for line in self.said.splitlines(keepends=True) if line.endswith(b"\n")]

    async def listen(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self.heard:
                self.said += line
                self.heard.notify_all()
        async with self.heard:
            self.heard.notify_all()

    async def line(self, **fields: Any) -> dict[str, Any]:
        """The first line with these fields, as soon as it is there."""
        found: list[dict[str, Any]] = []

        def told() -> bool:
            found[:] = [line for line in self.lines if fields.items() <= line.items()]
            return bool(found)

        async with asyncio.timeout(PATIENCE), self.heard:
            await self.heard.wait_for(told)
        return found[0]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def running(
    environment: Mapping[str, str], arguments: Sequence[str] = ("policies", *FREE)
) -> AsyncIterator[Process]:
    """`kapagate run`, serving; it is ended with the block, when it has not ended before."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kapagate", "run", *arguments),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    gateway = Process(process)
    listening = asyncio.create_task(gateway.listen())
    try:
        serving = await gateway.line(message="serving")
        gateway.urls = {door: serving[door] for door in ("data", "probe", "admin")}
        yield gateway
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


async def command(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kapagate", *arguments),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, out.decode(), "".join(filter(_is_said, err.decode().splitlines(keepends=True)))


def _is_said(line: str) -> bool:
    """Tests may be run by root, and they know."""
    return '"running as root' not in line
