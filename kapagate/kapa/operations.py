"""Kapa's operations as data: where they are, who may call them, what a request may say, what an answer shows.

What is not in `fields` never leaves, whatever the client sent. `query` and `query_feedback` are the gateway's own small
API; each of their requests becomes one of Kapa's operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kapagate.answer.codec import Codec
from kapagate.answer.events import Place
from kapagate.chain.route import Route, Surface
from kapagate.kapa import fields
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.fields import Shape
from kapagate.kapa.passages import PassagesCodec
from kapagate.kapa.records import RecordsCodec

_CHAT_SHOWS: Final[frozenset[Surface]] = frozenset(
    {"question", "answer text", "sources", "uncertainty", "whole answer"}
)
_WHOLE: Final[frozenset[Surface]] = frozenset({"whole answer"})
_QUESTION: Final = (Place(("query",), "question"),)
_COMMENT: Final = (Place(("comment",), "comment"), Place(("comment", "issue"), "comment"))


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation. `template` is the client's path; Kapa's is the same unless the operation is the gateway's own.

    `fields` are the body's fields that may pass, `required` the one that must be there. `scoped`: source groups are
    forced; `attributed`: so are integration and user. `streams`: the answer is, or may be, a stream of records.
    `codec` makes the reader of an answer; None: nobody has anything to read in it.
    """

    name: str
    template: str
    permission: str
    fields: Mapping[str, Shape]
    required: str = ""
    texts: tuple[Place, ...] = ()
    shows: frozenset[Surface] = frozenset()
    scoped: bool = False
    attributed: bool = False
    streams: bool = False
    codec: Callable[[], Codec] | None = None

    def route(self, held: bool) -> Route:
        """Its route. `held`: streams are held to their end, so that even that is within a guard's reach."""
        hides = _WHOLE if self.streams and not held else frozenset[Surface]()
        return Route(
            name=f"kapa.{self.name}",
            methods=frozenset({"POST"}),
            template=self.template,
            permission=self.permission,
            operation=self.name,
            texts=self.texts,
            shows=self.shows - hides,
            hides=hides,
        )


_PROJECT: Final = "/query/v1/projects/{project_id}"
_THREAD: Final = "/query/v1/threads/{thread_id}"
_CHAT_FIELDS: Final[dict[str, Shape]] = {
    "query": fields.text,
    "customization_id": fields.uuid,
    "source_group_ids_include": fields.uuids,
    "source_ids_include": fields.uuids,
    "metadata": fields.origin,
}


def _chat(name: str, template: str, codec: Callable[[], Codec]) -> Operation:
    return Operation(
        name,
        template,
        "kapa.chat",
        _CHAT_FIELDS,
        required="query",
        texts=_QUESTION,
        shows=_CHAT_SHOWS,
        scoped=True,
        attributed=True,
        streams=codec is RecordsCodec,
        codec=codec,
    )


CHAT: Final = _chat("chat", f"{_PROJECT}/chat/", ChatJsonCodec)
CHAT_STREAM: Final = _chat("chat_stream", f"{_PROJECT}/chat/stream/", RecordsCodec)
THREAD_CHAT: Final = _chat("thread_chat", f"{_THREAD}/chat/", ChatJsonCodec)
THREAD_CHAT_STREAM: Final = _chat("thread_chat_stream", f"{_THREAD}/chat/stream/", RecordsCodec)

FEEDBACK: Final = Operation(
    "feedback",
    "/query/v1/feedback/upsert/",
    "kapa.feedback",
    {"question_answer": fields.uuid, "reaction": fields.choice("upvote", "downvote"), "comment": fields.comment},
    texts=_COMMENT,
    shows=frozenset({"question"}),
)

RETRIEVAL: Final = Operation(
    "retrieval",
    f"{_PROJECT}/retrieval/",
    "kapa.retrieval",
    {
        "query": fields.text,
        "mode": fields.choice("default", "deep"),
        "top_k": fields.integer,
        "max_chars": fields.integer,
        "source_group_ids_include": fields.uuids,
        "redact_query": fields.flag,
        "use_pruning": fields.flag,
    },
    required="query",
    texts=_QUESTION,
    shows=frozenset({"question", "answer text"}),
    scoped=True,
    attributed=True,
    codec=PassagesCodec,
)

DOCUMENTS: Final = Operation(
    "documents",
    f"{_PROJECT}/documents/",
    "kapa.documents",
    {
        "urls": fields.texts,
        "document_ids": fields.uuids,
        "page": fields.integer,
        "page_size": fields.integer,
        "max_chars_per_document": fields.integer,
        "source_group_ids_include": fields.uuids,
    },
    shows=frozenset({"answer text"}),
    scoped=True,
    codec=PassagesCodec,
)

QUERY: Final = Operation(
    "query",
    "/api/kapa/query",
    "kapa.chat",
    {"query": fields.text, "thread_id": fields.text, "stream": fields.flag, "integration_id": fields.text},
    required="query",
    texts=_QUESTION,
    shows=_CHAT_SHOWS,
    streams=True,
)

QUERY_FEEDBACK: Final = Operation(
    "query_feedback",
    "/api/kapa/feedback",
    "kapa.feedback",
    {
        "question_answer_id": fields.uuid,
        "response_id": fields.uuid,
        "helpful": fields.flag,
        "reaction": fields.choice("upvote", "downvote"),
        "comment": fields.comment,
        "resolution_time_seconds": fields.duration,
        "follow_up_count": fields.count,
        "satisfaction": fields.number,
    },
    texts=_COMMENT,
    shows=frozenset({"question"}),
)

KAPAS: Final = (CHAT, CHAT_STREAM, THREAD_CHAT, THREAD_CHAT_STREAM, FEEDBACK, RETRIEVAL, DOCUMENTS)
OPERATIONS: Final[Mapping[str, Operation]] = {each.name: each for each in (*KAPAS, QUERY, QUERY_FEEDBACK)}
