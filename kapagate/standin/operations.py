"""Kapa's query API as functions from a call to a reply; sockets are elsewhere.

Each checks in the same order: may this key open the project or thread (404), is the body good (400).
`source_group_ids_include`, `user` and the like are checked for their shape and change no answer.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from kapagate.standin.answers import Answer, compose, stretch
from kapagate.standin.call import Call, Operation, Reply, reply, take
from kapagate.standin.corpus import Chunk, Page, find_document, find_page, search
from kapagate.standin.directives import Faults
from kapagate.standin.errors import failed
from kapagate.standin.fields import Fields, read_fields
from kapagate.standin.records import encode_stream

_DOCUMENTS_PER_PAGE = 5
_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"


def perform(operation: Operation, call: Call) -> Reply:
    """The operation's reply, or the failure that its faults ask for; raises KapaError for a call that is wrong."""
    made = operation(call)
    faults = made.faults
    if faults.html_502:
        return Reply((_BAD_GATEWAY,), faults, status=502, content_type="text/html")
    if faults.status is None and faults.retry_after is None:
        return made
    error = failed(faults.status or 429, faults.retry_after)
    return Reply((orjson.dumps(error.body),), faults, status=error.status, headers=error.headers)


def chat(call: Call) -> Reply:
    """Opens a thread; an answer as one JSON object."""
    answer, faults = chat_answer(call, call.project(), None)
    return reply(answer.describe(), faults)


def chat_stream(call: Call) -> Reply:
    """Opens a thread; an answer as records."""
    answer, faults = chat_answer(call, call.project(), None)
    return Reply(tuple(encode_stream(answer, faults)), faults, streamed=True)


def thread_chat(call: Call) -> Reply:
    """Goes on with a thread; an answer as one JSON object."""
    answer, faults = chat_answer(call, _enter_thread(call), call.ids["thread_id"])
    return reply(answer.describe(), faults)


def thread_chat_stream(call: Call) -> Reply:
    """Goes on with a thread; an answer as records."""
    answer, faults = chat_answer(call, _enter_thread(call), call.ids["thread_id"])
    return Reply(tuple(encode_stream(answer, faults)), faults, streamed=True)


def feedback(call: Call) -> Reply:
    """Stores a reaction. Kapa's body is not established; this one counts the reactions to the answer."""
    fields = read_fields(call.content_type, call.body)
    answer = fields.uuid("question_answer", required=True)
    reaction = fields.choice("reaction", ("upvote", "downvote"))
    subject = fields.text("user_identifier")
    comment = _read_comment(fields)
    fields.check()
    totals = call.projects.react(call.key, str(answer), subject, reaction, fields.raw("comment"))
    _, faults = take(comment, call.faults, "comment")
    return reply(totals, faults)


def retrieval(call: Call) -> Reply:
    """A bare array of chunks, best first, whole, within `top_k` and `max_chars`."""
    call.project()
    fields = read_fields(call.content_type, call.body)
    query = _read_query(fields)
    fields.choice("mode", ("default", "deep"), "default")
    top_k = fields.integer("top_k", 1, 15, 15)
    max_chars = fields.integer("max_chars", 1, 60_000, 35_000)
    for name in ("redact_query", "use_pruning"):
        fields.flag(name)
    fields.dictionary("mcp_client_meta")
    fields.check()
    question, faults = take(query, call.faults, "query")
    found = [] if faults.no_sources else search(question)[:top_k]
    return reply(_fit(describe_chunks(question, found, faults), max_chars), faults)


def documents(call: Call) -> Reply:
    """A page of whole documents. Pages run over what was asked for; what matches nothing is absent."""
    call.project()
    fields = read_fields(call.content_type, call.body)
    urls, ids = fields.texts("urls"), fields.uuids("document_ids")
    fields.uuids("source_group_ids_include")
    page = fields.integer("page", 1, 1_000_000, 1)
    page_size = fields.integer("page_size", 1, _DOCUMENTS_PER_PAGE, _DOCUMENTS_PER_PAGE)
    max_chars = fields.integer("max_chars_per_document", 1, 200_000, 50_000)
    if not urls and not ids:
        fields.complain("urls", "Provide at least one of `urls` or `document_ids`.")
    fields.check()
    asked, faults = _take_urls(urls, call.faults)
    wanted = [
        *((find_page, url) for url in dict.fromkeys(asked)),
        *((find_document, one) for one in dict.fromkeys(ids)),
    ]
    found = [find(name) for find, name in wanted[(page - 1) * page_size : page * page_size]]
    results = [_describe_page(one, max_chars, faults) for one in dict.fromkeys(found) if one is not None]
    return reply({"results": results, "page": page, "page_size": page_size, "total_items": len(wanted)}, faults)


def search_chunks(call: Call) -> Reply:
    """Kapa's older search, of whose answer nothing is known but that it finds something."""
    call.project()
    fields = read_fields(call.content_type, call.body)
    query = _read_query(fields)
    results = fields.integer("num_results", 1, 100, 10)
    fields.texts("include_source_names")
    fields.check()
    question, faults = take(query, call.faults, "query")
    return reply({"results": describe_chunks(question, search(question)[:results], faults)}, faults)


OPERATIONS: Mapping[str, Operation] = {
    "/query/v1/projects/{project_id}/chat/": chat,
    "/query/v1/projects/{project_id}/chat/stream/": chat_stream,
    "/query/v1/threads/{thread_id}/chat/": thread_chat,
    "/query/v1/threads/{thread_id}/chat/stream/": thread_chat_stream,
    "/query/v1/feedback/upsert/": feedback,
    "/query/v1/projects/{project_id}/retrieval/": retrieval,
    "/query/v1/projects/{project_id}/documents/": documents,
}


def chat_answer(call: Call, project: str, thread: str | None) -> tuple[Answer, Faults]:
    """What is answered to a question, and the faults that it asks for. A thread is opened where there is none."""
    fields = read_fields(call.content_type, call.body)
    query = _read_query(fields)
    fields.uuid("customization_id")
    fields.uuids("source_ids_include")
    fields.dictionary("metadata")
    fields.check()
    question, faults = take(query, call.faults, "query")
    history = call.projects.past(project)
    opened = thread or call.projects.open_thread(project)
    answer = compose(question, faults, thread_id=opened, question_answer_id=call.projects.open_answer(project))
    history.add(
        project,
        opened,
        answer.question_answer_id,
        (question, answer.text),
        is_uncertain=answer.is_uncertain,
        integration=fields.uuid("integration_id"),
        user=fields.raw("user"),
    )
    return answer, faults


def _enter_thread(call: Call) -> str:
    return call.projects.enter_thread(call.key, call.ids["thread_id"])


def _read_query(fields: Fields) -> str:
    """The question, and the fields that chat and retrieval have in common."""
    fields.uuid("integration_id")
    fields.uuids("source_group_ids_include")
    fields.dictionary("user")
    return fields.text("query")


def _read_comment(fields: Fields) -> str:
    """An object, or a text that holds one: both are in use."""
    comment = fields.raw("comment")
    if comment is None or isinstance(comment, str):
        return comment or ""
    fields.dictionary("comment")
    return str(comment.get("issue", "")) if isinstance(comment, dict) else ""


def _take_urls(urls: list[str], base: Faults) -> tuple[list[str], Faults]:
    rest, faults = [], base
    for url in urls:
        bare, faults = take(url, faults, "urls")
        rest.append(bare)
    return rest, faults


def describe_chunks(question: str, chunks: list[Chunk], faults: Faults) -> list[dict[str, str]]:
    """Each with its address; the best one bears what the faults ask for."""
    found = [{"source_url": chunk.url, "content": chunk.content} for chunk in chunks]
    if found:
        found[0]["content"] = stretch(question if faults.echo else found[0]["content"], faults)
    return found


def _fit(chunks: list[dict[str, str]], max_chars: int) -> list[dict[str, str]]:
    kept, used = [], 0
    for chunk in chunks:
        used += len(chunk["content"])
        if used > max_chars:
            break
        kept.append(chunk)
    return kept


def _describe_page(page: Page, max_chars: int, faults: Faults) -> dict[str, object]:
    content = None if page.content is None else stretch(page.content, faults)
    total = len(content or "")
    return {
        "document_id": page.document_id,
        "source_url": page.url,
        "title": page.title,
        "content": None if content is None else content[:max_chars],
        "total_chars": total,
        "truncated": total > max_chars,
    }
