"""MCP's messages: where their texts stand, and what the gateway says in them for the tenant.

    tools/call    {name, arguments: {query}, _meta: {progressToken, top_k, max_chars, ...}}
    its result    {content: [{type: text, text}, {type: resource, resource: {uri, text}}, ...], structuredContent}

Every string of a message is a text, but for names, types, addresses, cursors and encoded bytes where MCP has them: what
is called `name` in a tool's own result is a text like others. Of `_meta` only what is known to be harmless goes on;
what the client says there of persons never does, and what it says of sources only within the tenant's own groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kapagate.answer.document import KEY, Unacceptable, value_at
from kapagate.answer.events import Path, Place, TextKind
from kapagate.answer.places import is_for_machines, places_in
from kapagate.chain.principal import Account
from kapagate.kapa import fields
from kapagate.kapa.fields import Shape, taken
from kapagate.kapa.requests import GROUPS, SOURCES, groups_of
from kapagate.kapa.texts import NAMES, UNTOUCHED

Pattern = tuple[str | None, ...]
"""A path from a message's root; None stands for every item of a list."""

_ENVELOPE: Final = frozenset({"jsonrpc", "id", "method"})
_KINDS: Final[dict[str, TextKind]] = {"text": "passage", "content": "passage", "title": "title"}
_QUESTIONS: Final = frozenset({("params", "arguments"), ("params", "argument")})
_META: Final = ("params", "_meta")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_META_SHAPES: Final[Mapping[str, Shape]] = {
    "top_k": fields.integer,
    "max_chars": fields.integer,
    GROUPS: fields.uuids,
}


_MEMBERS: Final = _ENVELOPE | {"params", "result", "error"}
_WORDS: Final = """\
_meta annotations arguments audience blob capabilities code completion completions contents cursor data error
experimental hasMore icons inputSchema instructions isError level listChanged logger logging message messages
mimeType nextCursor outputSchema priority progress progressToken prompts protocolVersion requestId required resource
resourceTemplates resources role roots sampling serverInfo size sizes src structuredContent subscribe tasks tools
total uri uriTemplate values websiteUrl destructiveHint idempotentHint openWorldHint readOnlyHint lastModified $defs
$ref $schema additionalProperties allOf anyOf const default enum exclusiveMaximum exclusiveMinimum format items
maxItems maxLength maximum minItems minLength minimum oneOf pattern properties propertyNames
"""
_NAMES: Final = NAMES.union(_WORDS.split())
"""The keys of MCP's messages, of JSON Schema and of Kapa's objects."""


def _beneath(*above: str | None, names: str) -> frozenset[Pattern]:
    return frozenset((*above, name) for name in names.split())


_BLOCKS: Final[tuple[Pattern, ...]] = (
    ("result", "content", None),
    ("params", "content"),
    ("params", "messages", None, "content"),
    ("result", "messages", None, "content"),
    ("result", "content"),
)
_BLOCKS_READ: Final[frozenset[Pattern]] = frozenset().union(
    *(_beneath(*above, names="type mimeType data uri name") for above in _BLOCKS),
    *(_beneath(*above, "resource", names="uri mimeType blob") for above in _BLOCKS),
)
_READ_BY_SERVERS: Final[frozenset[Pattern]] = _BLOCKS_READ.union(
    _beneath("params", names="name protocolVersion requestId progressToken"),
    _beneath("params", "clientInfo", names="name version"),
    _beneath("params", "ref", names="type name uri"),
)
_READ_BY_CLIENTS: Final[frozenset[Pattern]] = _BLOCKS_READ.union(
    _beneath("params", names="level logger requestId progressToken uri"),
    _beneath("result", names="protocolVersion nextCursor"),
    _beneath("result", "serverInfo", names="name version"),
    _beneath("result", "contents", None, names="uri mimeType blob"),
    *(
        _beneath("result", each, None, names="name uri uriTemplate mimeType")
        for each in ("tools", "prompts", "resources", "resourceTemplates")
    ),
)


def asked(document: Any) -> list[Place]:
    """The texts of what a client sends. Arguments are the question, and so is what it answers the server."""
    return [
        place._replace(kind="question" if path[0] == "result" or path[:2] in _QUESTIONS else "other")
        for place, path in _places(document)
        if path not in _READ_BY_SERVERS and path[:2] != _META
    ]


def told(document: Any) -> list[Place]:
    """The texts of what a server sends. Raises Unacceptable when it is no message."""
    if not all(isinstance(each, dict) for each in (document if isinstance(document, list) else [document])):
        raise Unacceptable("it is no JSON-RPC message")
    found = [
        place
        for place, path in _places(document, _NAMES)
        if path not in _READ_BY_CLIENTS or not is_for_machines(value_at(document, place.path))
    ]
    return [*found, *_around(document)]


def said_for(message: dict[str, Any], account: Account, person: str | None, email: str | None) -> dict[str, Any]:
    """A message as it leaves. Raises Problem `malformed-body`, and `forbidden` for source groups of others."""
    params = message.get("params")
    if not isinstance(params, dict):
        return message
    calls = message.get("method") == "tools/call"
    meta = _meta(params.get("_meta"), account, calls)
    user = {name: value for name, value in (("unique_client_id", person), ("email", email)) if value is not None}
    if calls and user:
        meta["user"] = user
    params = {name: value for name, value in params.items() if name != "_meta"}
    if meta:
        params["_meta"] = meta
    if calls and account.source_groups is not None and isinstance(arguments := params.get("arguments"), dict):
        params["arguments"] = _narrowed(arguments, account.source_groups)
    return {**message, "params": params}


def _meta(said: Any, account: Account, calls: bool) -> dict[str, Any]:
    said = said if isinstance(said, dict) else {}
    meta = taken(said, _META_SHAPES) if calls else {}
    token = said.get("progressToken")
    if token is not None and _TOKEN.fullmatch(str(token)):
        meta["progressToken"] = token
    if calls and account.source_groups is not None:
        meta[GROUPS] = groups_of(meta.get(GROUPS), account.source_groups)
    return meta


def _narrowed(arguments: dict[str, Any], own: tuple[str, ...]) -> dict[str, Any]:
    """A tool's arguments, should it have one for source groups."""
    kept = {name: value for name, value in arguments.items() if name != SOURCES}
    if GROUPS in kept:
        kept[GROUPS] = groups_of(taken(kept, {GROUPS: fields.uuids}).get(GROUPS), own)
    return kept


def _around(document: Any) -> Iterator[Place]:
    """What stands around the messages and is none of their words: keys, and what is too long for an id or method."""
    batch = isinstance(document, list)
    for index, message in enumerate(document if batch else [document]):
        above: Path = (index,) if batch else ()
        for key, part in message.items():
            if key not in _MEMBERS:
                yield Place((*above, key, KEY), "other")
            elif key in _ENVELOPE and isinstance(part, str) and not is_for_machines(part):
                yield Place((*above, key), "other")


def _places(document: Any, names: frozenset[str] | None = None) -> Iterator[tuple[Place, Pattern]]:
    """Every text of the messages, with its path from the message's root; keys too, that are not among `names`."""
    batch = isinstance(document, list)
    for index, message in enumerate(document if batch else [document]):
        above: Path = (index,) if batch else ()
        for key, part in message.items() if isinstance(message, dict) else ():
            if key in _ENVELOPE:
                continue
            for place in places_in(part, _KINDS, UNTOUCHED, (*above, key), names):
                yield place, tuple(None if isinstance(step, int) else step for step in place.path[len(above) :])
