"""Kapa's hosted MCP server: streamable HTTP at `/mcp`, with the two tools that Kapa's have.

    POST    a JSON-RPC message or a batch: 202 for notifications, else an event stream (JSON where that is not accepted)
    GET     what the server says by itself, open until the session ends; here it is what `push` gives it
    DELETE  the end of the session

Asked with `Authorization: Bearer <project key>`. Words in brackets in a call's `query`, or the first of its `urls`,
switch faults on, as in questions: `[[pii]]`, `[[cut=100]]`, `[[status=503]]` and the others of retrieval. Those of
streams stand before the answer: `[[unknown-record]]` a notification that quotes the specimens, `[[garbage-record]]` an
event that is no message; `[[no-closing]]` ends the stream without the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, Final

import orjson
from aiohttp import web

from kapagate.standin.answers import stretch
from kapagate.standin.call import Call, Reply, take
from kapagate.standin.corpus import find_page, search
from kapagate.standin.delivery import Sleep, deliver
from kapagate.standin.directives import Faults
from kapagate.standin.errors import KapaError
from kapagate.standin.operations import describe_chunks, perform
from kapagate.standin.projects import Projects
from kapagate.standin.specimens import quote_specimens

PATH: Final = "/mcp"
PROTOCOL: Final = "2025-11-25"
SEARCH: Final = "search_nimbus_knowledge_sources"
DOCUMENTS: Final = "get_knowledge_documents"
_EVENTS = "text/event-stream"
_TOP_K = 5
_INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32600, -32601, -32602

Message = dict[str, Any]


class McpServer:
    """The sessions of one server. `faults` gives those that are switched on for all."""

    def __init__(self, projects: Projects, faults: Callable[[], Faults], sleep: Sleep) -> None:
        self._projects, self._faults, self._sleep = projects, faults, sleep
        self._numbers = count(1)
        self.sessions: dict[str, asyncio.Queue[Message | None]] = {}

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_post(PATH, self._post)
        router.add_get(PATH, self._listen, allow_head=False)
        router.add_delete(PATH, self._end)

    def push(self, session: str, message: Message) -> None:
        """Says something to whoever listens in a session."""
        self.sessions[session].put_nowait(message)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        try:
            document = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return _failure(400, _INVALID_REQUEST, "Parse error")
        messages = document if isinstance(document, list) else [document]
        if not all(isinstance(each, dict) for each in messages):
            return _failure(400, _INVALID_REQUEST, "Invalid Request")
        opens = any(each.get("method") == "initialize" for each in messages)
        if not opens and (lost := self._lost(request)) is not None:
            return lost
        headers = {"Mcp-Session-Id": self._open()} if opens else {}
        faults, answers = self._faults(), []
        for message in messages:
            if "id" in message and "method" in message:
                answered, faults = answer(message, faults)
                answers.append(answered)
        if not answers:
            return web.Response(status=202, headers=headers)
        return await self._deliver(request, answers, isinstance(document, list), headers, faults)

    async def _deliver(
        self, request: web.Request, answers: list[Message], batch: bool, headers: Mapping[str, str], faults: Faults
    ) -> web.StreamResponse:
        if _EVENTS in request.headers.get("Accept", ""):
            made = Reply(tuple(encode_events(answers, faults)), faults, True, headers=headers, content_type=_EVENTS)
        else:
            made = Reply((orjson.dumps(answers if batch else answers[0]),), faults, headers=headers)
        call = Call(self._projects, "", {}, b"", "", faults)
        try:
            return await deliver(request, perform(lambda _: made, call), self._sleep)
        except KapaError as error:
            return web.json_response(error.body, status=error.status, headers=error.headers)

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request) or self._lost(request)) is not None:
            return refusal
        response = web.StreamResponse()
        response.content_type = _EVENTS
        await response.prepare(request)
        said = self.sessions[request.headers["Mcp-Session-Id"]]
        while (message := await said.get()) is not None:
            await response.write(encode_event(message))
        return response

    async def _end(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request) or self._lost(request)) is not None:
            return refusal
        self.sessions.pop(request.headers["Mcp-Session-Id"]).put_nowait(None)
        return web.Response(status=200)

    def _open(self) -> str:
        session = f"stand-in-session-{next(self._numbers)}"
        self.sessions[session] = asyncio.Queue()
        return session

    def _refusal(self, request: web.Request) -> web.Response | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._projects.opened_by(key):
            return None
        return web.json_response({"error": "invalid_token", "error_description": "Authentication required"}, status=401)

    def _lost(self, request: web.Request) -> web.Response | None:
        session = request.headers.get("Mcp-Session-Id")
        if session is None:
            return _failure(400, _INVALID_REQUEST, "Bad Request: Missing session ID")
        return None if session in self.sessions else _failure(404, _INVALID_REQUEST, "Session not found")


def answer(message: Message, base: Faults) -> tuple[Message, Faults]:
    """What is answered to a request, and the faults that its words ask for."""
    params = _mapping(message.get("params"))
    match message["method"]:
        case "initialize":
            server = {"name": "Nimbus docs (stand-in)", "version": "1.0.0"}
            said = {"protocolVersion": PROTOCOL, "capabilities": {"tools": {}}, "serverInfo": server}
            return _result(message, said), base
        case "ping":
            return _result(message, {}), base
        case "tools/list":
            return _result(message, {"tools": _TOOLS}), base
        case "tools/call" if params.get("name") == SEARCH:
            return _searched(message, params, base)
        case "tools/call" if params.get("name") == DOCUMENTS:
            return _read(message, params, base)
        case "tools/call":
            return _error(message.get("id"), _INVALID_PARAMS, "Unknown tool"), base
    return _error(message.get("id"), _NO_METHOD, "Method not found"), base


def encode_events(answers: Iterable[Message], faults: Faults) -> Iterator[bytes]:
    """The answers as events, with the faults of streams."""
    if faults.unknown_record:
        params = {"level": "info", "logger": "stand-in", "data": {"note": quote_specimens()}}
        yield encode_event({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
    if faults.garbage_record:
        yield b"data: this is not JSON\r\n\r\n"
    if not faults.no_closing:
        yield from map(encode_event, answers)


def encode_event(message: Message) -> bytes:
    return b"event: message\r\ndata: " + orjson.dumps(message) + b"\r\n\r\n"


def _searched(message: Message, params: Message, base: Faults) -> tuple[Message, Faults]:
    top_k = _mapping(params.get("_meta")).get("top_k")
    try:
        query, faults = take(str(_mapping(params.get("arguments")).get("query", "")), base, "query")
    except KapaError as error:
        return _error(message["id"], _INVALID_PARAMS, str(error.body)), base
    chunks = [] if faults.no_sources else search(query)[: top_k if isinstance(top_k, int) else _TOP_K]
    return _told(message, describe_chunks(query, chunks, faults)), faults


def _read(message: Message, params: Message, base: Faults) -> tuple[Message, Faults]:
    said = _mapping(params.get("arguments")).get("urls")
    urls = [str(url) for url in said] if isinstance(said, list) else []
    try:
        first, faults = take(urls[0] if urls else "", base, "urls")
    except KapaError as error:
        return _error(message["id"], _INVALID_PARAMS, str(error.body)), base
    pages = [page for url in (first, *urls[1:]) if (page := find_page(url)) is not None]
    return _told(
        message, [{"source_url": page.url, "content": stretch(page.content or "", faults)} for page in pages]
    ), faults


def _mapping(value: object) -> Message:
    return value if isinstance(value, dict) else {}


def _told(message: Message, found: Iterable[Mapping[str, str | None]]) -> Message:
    found = list(found)
    content = [{"type": "text", "text": f"Source: {each['source_url']}\n\n{each['content']}"} for each in found]
    return _result(message, {"content": content, "structuredContent": {"result": found}, "isError": False})


def _result(message: Message, said: Message) -> Message:
    return {"jsonrpc": "2.0", "id": message["id"], "result": said}


def _error(name: object, code: int, text: str) -> Message:
    return {"jsonrpc": "2.0", "id": name, "error": {"code": code, "message": text}}


def _failure(status: int, code: int, text: str) -> web.Response:
    return web.json_response(_error("server-error", code, text), status=status)


def _tool(name: str, description: str, argument: str, shape: Message) -> Message:
    schema = {"type": "object", "properties": {argument: shape}, "required": [argument]}
    return {"name": name, "description": description, "inputSchema": schema}


_TOOLS: Final = [
    _tool(SEARCH, "Searches the documentation of Nimbus.", "query", {"type": "string"}),
    _tool(DOCUMENTS, "Reads whole pages.", "urls", {"type": "array", "items": {"type": "string"}}),
]
