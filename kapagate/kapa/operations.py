"""Kapa's operations as data; those that only read are in `kapagate.kapa.readings`.

What is not in `fields` never leaves, whatever the client sent. `query` and `query_feedback` are the gateway's own small
API; each of their requests becomes one of Kapa's operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kapagate.answer.codec import Codec
from kapagate.kapa import fields
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.fields import Shape
from kapagate.kapa.listings import ListingCodec
from kapagate.kapa.operation import CHAT_SHOWS, COMMENT, MADE, QUESTION, Id, Operation
from kapagate.kapa.passages import PassagesCodec
from kapagate.kapa.readings import ACTIVITY_SHAPES, PROJECT, READINGS
from kapagate.kapa.records import RecordsCodec

_THREAD: Final = "/query/v1/threads/{thread_id}"
_CHAT_FIELDS: Final[dict[str, Shape]] = {
    "query": fields.text,
    "customization_id": fields.uuid,
    "source_group_ids_include": fields.uuids,
    "source_ids_include": fields.uuids,
    "metadata": fields.origin,
}


def _chat(name: str, template: str, codec: Callable[[], Codec], permission: str = "kapa.chat") -> Operation:
    in_thread = template.startswith(_THREAD)
    return Operation(
        name=name,
        template=template,
        permission=permission,
        fields=_CHAT_FIELDS,
        required="query",
        item="thread_id" if in_thread else "",
        texts=QUESTION,
        shows=CHAT_SHOWS,
        scoped=True,
        attributed=True,
        streams=codec is RecordsCodec,
        codec=codec,
        deprecated=permission != "kapa.chat",
        ids=(Id("path", ("thread_id",), "thread"), *MADE) if in_thread else MADE,
    )


CHAT: Final = _chat("chat", f"{PROJECT}/chat/", ChatJsonCodec)
CHAT_STREAM: Final = _chat("chat_stream", f"{PROJECT}/chat/stream/", RecordsCodec)
THREAD_CHAT: Final = _chat("thread_chat", f"{_THREAD}/chat/", ChatJsonCodec)
THREAD_CHAT_STREAM: Final = _chat("thread_chat_stream", f"{_THREAD}/chat/stream/", RecordsCodec)

FEEDBACK: Final = Operation(
    name="feedback",
    template="/query/v1/feedback/upsert/",
    permission="kapa.feedback",
    fields={
        "question_answer": fields.uuid,
        "reaction": fields.choice("upvote", "downvote"),
        "comment": fields.comment,
    },
    texts=COMMENT,
    shows=frozenset({"question"}),
    subject="user_identifier",
    ids=(Id("body", ("question_answer",), "answer"),),
)

RETRIEVAL: Final = Operation(
    name="retrieval",
    template=f"{PROJECT}/retrieval/",
    permission="kapa.retrieval",
    fields={
        "query": fields.text,
        "mode": fields.choice("default", "deep"),
        "top_k": fields.integer,
        "max_chars": fields.integer,
        "source_group_ids_include": fields.uuids,
        "redact_query": fields.flag,
        "use_pruning": fields.flag,
    },
    required="query",
    texts=QUESTION,
    shows=frozenset({"question", "answer text", "sources"}),
    scoped=True,
    attributed=True,
    codec=PassagesCodec,
)

DOCUMENTS: Final = Operation(
    name="documents",
    template=f"{PROJECT}/documents/",
    permission="kapa.documents",
    fields={
        "urls": fields.texts,
        "document_ids": fields.uuids,
        "page": fields.integer,
        "page_size": fields.integer,
        "max_chars_per_document": fields.integer,
        "source_group_ids_include": fields.uuids,
    },
    shows=frozenset({"answer text", "sources"}),
    scoped=True,
    codec=PassagesCodec,
)

AGENT_SESSION: Final = Operation(
    name="agent_session",
    template="/agent/v1/projects/{project_id}/agent/sessions/",
    permission="kapa.agent_session",
    fields={},
    bare=True,
    subject="external_owner_id",
    codec=ListingCodec,
    evades=True,
)

CUSTOM_CHAT: Final = _chat("custom_chat", f"{PROJECT}/chat/custom/", ChatJsonCodec, "kapa.custom_chat")
CUSTOM_CHAT_STREAM: Final = _chat(
    "custom_chat_stream", f"{PROJECT}/chat/custom/stream/", RecordsCodec, "kapa.custom_chat"
)
SEARCH: Final = Operation(
    name="search",
    template=f"{PROJECT}/search/",
    permission="kapa.search",
    fields={
        "query": fields.text,
        "num_results": fields.integer,
        "include_source_names": fields.texts,
        "source_group_ids_include": fields.uuids,
    },
    required="query",
    texts=QUESTION,
    shows=frozenset({"question", "answer text", "sources"}),
    scoped=True,
    attributed=True,
    codec=PassagesCodec,
    deprecated=True,
)
ANALYTICS_ACTIVITY: Final = Operation(
    name="analytics_activity",
    template=f"{PROJECT}/analytics/activity/",
    permission="kapa.activity",
    method="GET",
    fields=ACTIVITY_SHAPES,
    filtered="integration_filter",
    shows=frozenset({"answer text", "sources"}),
    codec=ListingCodec,
    deprecated=True,
)


def _legacy(name: str, template: str, becomes: Operation) -> Operation:
    return Operation(
        name=name,
        template=template,
        permission="kapa.chat",
        method="GET",
        fields={"query": fields.text},
        required="query",
        texts=QUESTION,
        shows=CHAT_SHOWS,
        streams=becomes.streams,
        deprecated=True,
        ours=True,
        ids=MADE,
    )


LEGACY_QUERY: Final = _legacy("legacy_query", "/query/v1", CHAT)
LEGACY_QUERY_STREAM: Final = _legacy("legacy_query_stream", "/query/v1/stream", CHAT_STREAM)

QUERY: Final = Operation(
    name="query",
    template="/api/kapa/query",
    permission="kapa.chat",
    fields={"query": fields.text, "thread_id": fields.text, "stream": fields.flag, "integration_id": fields.text},
    required="query",
    texts=QUESTION,
    shows=CHAT_SHOWS,
    streams=True,
    ours=True,
    ids=(Id("body", ("thread_id",), "thread"), *MADE),
)

QUERY_FEEDBACK: Final = Operation(
    name="query_feedback",
    template="/api/kapa/feedback",
    permission="kapa.feedback",
    fields={
        "question_answer_id": fields.uuid,
        "response_id": fields.uuid,
        "helpful": fields.flag,
        "reaction": fields.choice("upvote", "downvote"),
        "comment": fields.comment,
        "resolution_time_seconds": fields.duration,
        "follow_up_count": fields.count,
        "satisfaction": fields.number,
    },
    texts=COMMENT,
    shows=frozenset({"question"}),
    ours=True,
    ids=(Id("body", ("question_answer_id",), "answer"), Id("body", ("response_id",), "answer")),
)

_CHATS: Final = (CHAT, CHAT_STREAM, THREAD_CHAT, THREAD_CHAT_STREAM)
_DEPRECATED: Final = (CUSTOM_CHAT, CUSTOM_CHAT_STREAM, SEARCH, ANALYTICS_ACTIVITY)
_LEGACY: Final = (LEGACY_QUERY, LEGACY_QUERY_STREAM)
KAPAS: Final = (*_CHATS, FEEDBACK, RETRIEVAL, DOCUMENTS, *READINGS, AGENT_SESSION, *_DEPRECATED)
OPERATIONS: Final[Mapping[str, Operation]] = {each.name: each for each in (*KAPAS, *_LEGACY, QUERY, QUERY_FEEDBACK)}
