"""When the machine has no descriptor left: the door neither spins nor stays shut."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from kapagate.demo.people import Keys
from tests.acceptance.process import PATIENCE, running

ROOT = Path(__file__).parents[2]

SCRIPT = """
import asyncio, json, os, resource, socket, time
import uvloop
from tests.wire.relay import relaying

async def main():
    async with relaying(1) as relay:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        clients = [socket.socket() for _ in range(8)]
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        for client in clients:
            client.setblocking(False)
            client.connect_ex(relay.address)
        begun = time.process_time()
        await asyncio.sleep(1.0)
        spent = time.process_time() - begun
        for each in held:
            os.close(each)
        reader, writer = await asyncio.open_connection(*relay.address)
        writer.write(b"GET /nowhere HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        line = await reader.readline()
        writer.close()
        for client in clients:
            client.close()
        print(json.dumps({"spent": spent, "line": line.decode()}))

LOOP.run(main())
"""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_door_without_descriptors_does_not_spin_and_opens_again(loop: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("LOOP", loop)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["spent"] < 0.5, "a second without descriptors cost half a second of work"
    assert found["line"] == "HTTP/1.1 404 Not Found\r\n"


FEW = 8
ASKED = b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def without_uvloop(folder: Path) -> dict[str, str]:
    (folder / "uvloop.py").write_text('raise ImportError("not here")\n')
    return {"PYTHONPATH": str(folder)}


async def answer_of(address: tuple[str, int]) -> bytes:
    """Asks until it is answered: libuv closes what it has no descriptor for."""
    line = b""
    async with asyncio.timeout(PATIENCE):
        while not line:
            with suppress(ConnectionError):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(ASKED)
                line = await reader.readline()
                writer.close()
    return line


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_a_process_without_descriptors_waits_says_so_and_serves_again(tmp_path: Path, loop: str) -> None:
    nowhere = "http://127.0.0.1:1"
    environment = dict(Keys.made(os.urandom).environment(nowhere, nowhere, str(tmp_path / "state.db")))
    environment |= without_uvloop(tmp_path) if loop == "asyncio" else {}
    async with running(environment) as gateway:
        pid, address = gateway.process.pid, ("127.0.0.1", int(gateway.urls["data"].rpartition(":")[2]))
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + FEW, most))
        with ExitStack() as stack:
            for _ in range(8 * FEW):
                stack.enter_context(socket.create_connection(address))
            said, spent = len(gateway.lines), cpu_seconds(pid)
            await asyncio.sleep(2.0)
            assert cpu_seconds(pid) - spent < 0.5, "two seconds without descriptors cost half a second of work"
            assert len(gateway.lines) - said < 10, gateway.lines[said:]
        assert await answer_of(address) == b"HTTP/1.1 401 Unauthorized\r\n"
