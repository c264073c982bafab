"""Every address of Kapa's that the stand-in has: method, path, operation."""

from __future__ import annotations

from typing import Final, NamedTuple

from kapagate.standin import analysis, conversations, ingestion, operations, sessions
from kapagate.standin.call import Operation

_PROJECT: Final = "/query/v1/projects/{project_id}"
_SOURCES: Final = "/ingestion/v1/projects/{project_id}"


class Address(NamedTuple):
    """`throttled`: a chat, of which a key may have only so many a minute."""

    method: str
    path: str
    operation: Operation
    throttled: bool = False


_QUERIES = tuple(Address("POST", path, each, "/chat/" in path) for path, each in operations.OPERATIONS.items())
_READINGS = (
    Address("GET", f"{_PROJECT}/threads/", conversations.threads),
    Address("GET", "/query/v1/threads/{thread_id}/", conversations.thread),
    Address("GET", f"{_PROJECT}/end-users/", conversations.end_users),
    Address("GET", f"{_PROJECT}/integrations/", conversations.integrations),
    Address("GET", f"{_PROJECT}/activity/", conversations.activity),
    Address("GET", f"{_PROJECT}/top-questions/periods/", analysis.top_question_periods),
    Address("GET", "/query/v1/top-questions/periods/{period_id}/", analysis.top_question_clusters),
    Address("GET", f"{_PROJECT}/coverage-gaps/periods/", analysis.coverage_gap_periods),
    Address("GET", "/query/v1/coverage-gaps/periods/{period_id}/", analysis.coverage_gap_clusters),
    Address("GET", "/org/v1/projects/{project_id}/", ingestion.project),
    Address("GET", f"{_SOURCES}/sources/", ingestion.sources),
    Address("GET", f"{_SOURCES}/sources/{{source_id}}/", ingestion.source),
    Address("GET", f"{_SOURCES}/source-groups/", ingestion.source_groups),
)
_DEPRECATED = (
    Address("POST", f"{_PROJECT}/chat/custom/", operations.chat, True),
    Address("POST", f"{_PROJECT}/chat/custom/stream/", operations.chat_stream, True),
    Address("POST", f"{_PROJECT}/search/", operations.search_chunks),
    Address("GET", f"{_PROJECT}/analytics/activity/", conversations.activity),
)
_SESSIONS = Address("POST", "/agent/v1/projects/{project_id}/agent/sessions/", sessions.agent_session)
ADDRESSES: Final = (*_QUERIES, *_READINGS, _SESSIONS, *_DEPRECATED)
