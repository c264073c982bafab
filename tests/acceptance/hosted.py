"""A gateway in this process with a policy of the test's own, and a server of the `mcp` package's own framework."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.fastmcp import FastMCP

from kapagate.remote.references import References
from kapagate.run import Gateway, open_gateway
from tests.acceptance.served import ANYWHERE
from tests.upstreams.gateways import ENVIRONMENT


@asynccontextmanager
async def hosted(text: str, folder: Path) -> AsyncIterator[Gateway]:
    path = folder / "gateway.yaml"
    path.write_text(text)
    async with open_gateway([path], References(ENVIRONMENT), ANYWHERE) as gateway:
        yield gateway


class Tools:
    """Tools of an MCP server, and what it was asked with. `says` is what the search finds."""

    def __init__(self) -> None:
        self.says: Any = "nothing"
        self.asked: list[str] = []
        self.requests: list[tuple[str, dict[str, str]]] = []

    def server(self) -> FastMCP:
        server = FastMCP("docs")

        @server.tool()
        def search(query: str) -> list[dict[str, str]]:
            """Searches the documentation."""
            self.asked.append(query)
            return [{"source_url": "https://docs.example/a", "content": self.says}]

        return server

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            fields = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
            self.requests.append((scope["method"], fields))
        await self._app(scope, receive, send)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Its address, at which it serves until the block is left."""
        self._app = self.server().streamable_http_app()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            config = uvicorn.Config(self, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
            server = uvicorn.Server(config)
            running = asyncio.create_task(server.serve([taken]))
            while not server.started:
                await asyncio.sleep(0)
                assert not running.done()
            try:
                yield f"http://127.0.0.1:{taken.getsockname()[1]}/mcp"
            finally:
                server.should_exit = True
                await running


def methods(requests: Sequence[tuple[str, dict[str, str]]]) -> set[str]:
    return {method for method, _ in requests}
