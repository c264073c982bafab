"""A client of the YAML language server, as editors have one: JSON-RPC on its standard input and output."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds for one answer; a server that is well needs a fraction of one."""


class LanguageServer:
    """One server; what it says of other documents than the one that is asked for is passed over."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.folder = folder
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self._asked = 0

    async def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": parameters})
        while True:
            message = await self._received()
            if message.get("id") == self._asked and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def tell(self, method: str, parameters: dict[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    async def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """What the server says next of a document."""
        while True:
            message = await self._received()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def _received(self) -> dict[str, Any]:
        """The next message; what the server asks of its client is answered on the way."""
        length = 0
        while line := (await asyncio.wait_for(self._out.readline(), PATIENCE)).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server ended"
        message: dict[str, Any] = json.loads(await self._out.readexactly(length))
        if "id" in message and "method" in message:
            wanted = message.get("params", {}).get("items", [])
            self._send({"id": message["id"], "result": [_SETTINGS.get(each.get("section")) for each in wanted] or None})
        return message


_SETTINGS: dict[str | None, Any] = {
    "yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
}


@asynccontextmanager
async def language_server(program: Path, folder: Path) -> AsyncIterator[LanguageServer]:
    """A server for the files in a folder; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(program),
        "--stdio",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 24,
    )
    try:
        server = LanguageServer(process, folder)
        await server.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "capabilities": {
                    "workspace": {"configuration": True},
                    "textDocument": {
                        "hover": {"contentFormat": ["plaintext", "markdown"]},
                        "completion": {"completionItem": {"documentationFormat": ["plaintext"]}},
                    },
                },
            },
        )
        server.tell("initialized", {})
        server.tell("workspace/didChangeConfiguration", {"settings": _SETTINGS})
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
