"""When the machine has no descriptor left: the door neither spins nor stays shut."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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

uvloop.run(main())
"""


def test_a_door_without_descriptors_does_not_spin_and_opens_again() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["spent"] < 0.5, "a second without descriptors cost half a second of work"
    assert found["line"] == "HTTP/1.1 404 Not Found\r\n"
