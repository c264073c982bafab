"""A gateway that takes nothing more still says how it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.acceptance.served import bearer, served

CHAT = "/query/v1/projects/default/chat/"


async def test_health_answers_while_the_data_port_is_full(tmp_path: Path) -> None:
    asked, leave = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await leave.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as kapa:
        port = kapa.sockets[0].getsockname()[1]
        one = ("connections: 4096}", "connections: 4096, exchanges: 1, exchanges_per_tenant: 1}")
        async with served(tmp_path, one, environment={"KAPA_URL": f"http://127.0.0.1:{port}"}) as stage:
            first = asyncio.ensure_future(stage.ask("POST", CHAT, {"query": "hi"}, bearer(stage)))
            await asked.wait()
            refused = await stage.ask("POST", CHAT, {"query": "hi"}, bearer(stage))
            assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
            for path in ("/livez", "/readyz", "/health", "/metrics"):
                async with stage.client.get(stage.gateway.probe_url + path) as answer:
                    assert answer.status == 200, path
            leave.set()
            assert (await first).status == 502
