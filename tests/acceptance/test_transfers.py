"""Large bodies both ways through the gateway as people run it: its memory does not grow with them.

`TRANSFERS=full` moves 200 MB each way; without it a sample.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from kapagate.demo.people import Keys
from kapagate.standin import StandIn
from tests.acceptance.process import Process, running
from tests.acceptance.served import BOB

MEGABYTE = 1_000_000
SIZE = (200 if os.environ.get("TRANSFERS") == "full" else 24) * MEGABYTE
ROOM = 8 * 2**20
PIECE = bytes(range(256)) * 512
PATIENCE = 120.0


async def pieces(size: int) -> AsyncIterator[bytes]:
    for at in range(0, size, len(PIECE)):
        yield PIECE[: size - at]


async def digest_of(size: int) -> str:
    found = hashlib.sha256()
    async for piece in pieces(size):
        found.update(piece)
    return found.hexdigest()


async def download(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    if request.query["framing"] == "length":
        response.content_length = SIZE
    await response.prepare(request)
    async for piece in pieces(SIZE):
        await response.write(piece)
    return response


async def upload(request: web.Request) -> web.Response:
    found = hashlib.sha256()
    async for piece in request.content.iter_any():
        found.update(piece)
    return web.json_response({"digest": found.hexdigest(), "coding": request.headers.get("Transfer-Encoding", "")})


@pytest.fixture
async def backend() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/crm/export", download)
    app.router.add_post("/crm/import", upload)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


class Peak:
    """The most resident memory of a process since `begin` (Linux: proc(5), VmHWM), in bytes."""

    def __init__(self, process: Process) -> None:
        self._folder = Path(f"/proc/{process.process.pid}")
        self.before = 0

    def begin(self) -> None:
        (self._folder / "clear_refs").write_text("5")
        self.before = self.value

    @property
    def value(self) -> int:
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))

    @property
    def grown(self) -> int:
        return self.value - self.before


async def downloaded(client: ClientSession, url: str, headers: dict[str, str], framing: str) -> str:
    found = hashlib.sha256()
    async with client.get(f"{url}/crm/export", params={"framing": framing}, headers=headers) as answer:
        assert answer.status == 200
        assert ("Content-Length" in answer.headers) == (framing == "length")
        async for piece in answer.content.iter_any():
            found.update(piece)
    return found.hexdigest()


async def uploaded(client: ClientSession, url: str, headers: dict[str, str], framing: str) -> str:
    sent = {**headers, "Content-Type": "application/octet-stream"}
    if framing == "length":
        sent["Content-Length"] = str(SIZE)
    async with client.post(f"{url}/crm/import", data=pieces(SIZE), headers=sent) as answer:
        assert answer.status == 200
        told = await answer.json()
    assert told["coding"] == ("chunked" if framing == "chunked" else "")
    return str(told["digest"])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measured as Linux tells it")
async def test_memory_does_not_grow_with_what_is_moved(tmp_path: Path, backend: str) -> None:
    keys = Keys.made(os.urandom)
    headers = {"Authorization": f"Bearer {keys.token(*BOB, 4_000_000_000.0)}"}
    expected = await digest_of(SIZE)
    async with StandIn() as kapa, ClientSession() as client, asyncio.timeout(PATIENCE):
        environment = keys.environment(kapa.url, backend, str(tmp_path / "state.db"))
        async with running(environment) as gateway:
            peak, url = Peak(gateway), gateway.urls["data"]
            peak.begin()
            for framing in ("length", "chunked"):
                assert await downloaded(client, url, headers, framing) == expected
                assert await uploaded(client, url, headers, framing) == expected
            print(f"peak grew by {peak.grown / 2**20:.1f} MiB for {4 * SIZE / MEGABYTE:.0f} MB")
            assert peak.grown < ROOM
