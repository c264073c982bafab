"""What can be read of a project: conversations, their analysis, statistics, sources. All are GET."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kapagate.answer.events import Place
from kapagate.chain.route import Surface
from kapagate.kapa import fields, parameters
from kapagate.kapa.fields import Shape
from kapagate.kapa.listings import ListingCodec
from kapagate.kapa.operation import Id, Operation

_TEXT: Final[frozenset[Surface]] = frozenset({"answer text", "sources"})
PROJECT: Final = "/query/v1/projects/{project_id}"
_SOURCES: Final = "/ingestion/v1/projects/{project_id}"
_CURSOR: Final[dict[str, Shape]] = {"cursor": parameters.cursor, "page_size": parameters.number}
_PAGE: Final[dict[str, Shape]] = {"page": parameters.number, "page_size": parameters.number}
_PERIODS: Final[dict[str, Shape]] = {"interval": fields.choice("weekly", "monthly", "quarterly"), **_CURSOR}
_INCLUDE: Final = parameters.words(
    "feedback", "status_tag", "custom_tags", "interaction_tags", "end_user", "integration"
)
ACTIVITY_SHAPES: Final[Mapping[str, Shape]] = {
    "start_date_time": parameters.moment,
    "end_date_time": parameters.moment,
    "integration_filter": parameters.uuids,
}


def _reading(name: str, template: str, shapes: Mapping[str, Shape], **more: Any) -> Operation:
    return Operation(
        name=name,
        template=template,
        permission=f"kapa.{name}",
        method="GET",
        fields=shapes,
        shows=more.pop("shows", _TEXT),
        codec=ListingCodec,
        **more,
    )


def _in_thread(*above: str | None) -> tuple[Id, ...]:
    """The ids of a thread as it is shown, below `above`."""
    answers = (*above, "question_answers", None)
    return (
        Id("shown", (*above, "id"), "thread"),
        Id("shown", (*answers, "id"), "answer"),
        Id("shown", (*answers, "thread_id"), "thread"),
        Id("shown", (*answers, "end_user_id"), "end_user"),
    )


_CLUSTERED: Final = (Id("shown", ("clusters", None, "threads", None, "id"), "thread"),)

READINGS: Final = (
    _reading(
        "threads",
        f"{PROJECT}/threads/",
        {
            **_CURSOR,
            "sort": fields.choice("asc", "desc"),
            "updated_since": parameters.moment,
            "include": _INCLUDE,
            "integration": fields.uuid,
            "status_tag": parameters.uuid_or_null,
            "custom_tags": parameters.uuids,
        },
        filtered="integration",
        ids=_in_thread("results", None),
    ),
    _reading(
        "thread",
        "/query/v1/threads/{thread_id}/",
        {"include": _INCLUDE},
        item="thread_id",
        ids=(Id("path", ("thread_id",), "thread"), *_in_thread()),
    ),
    _reading(
        "end_users",
        f"{PROJECT}/end-users/",
        {
            **_PAGE,
            "has_email": parameters.flag,
            "ordering": parameters.ordering,
            "search": parameters.search,
        },
        texts=(Place(("search",), "question"),),
        shows=_TEXT | {"question"},
        paged=True,
        ids=(
            Id("shown", ("results", None, "id"), "end_user"),
            Id("shown", ("results", None, "latest_thread_id"), "thread"),
        ),
    ),
    _reading("integrations", f"{PROJECT}/integrations/", {}),
    _reading("activity", f"{PROJECT}/activity/", ACTIVITY_SHAPES, filtered="integration_filter"),
    _reading("top_question_periods", f"{PROJECT}/top-questions/periods/", _PERIODS),
    _reading(
        "top_question_clusters",
        "/query/v1/top-questions/periods/{period_id}/",
        _CURSOR,
        item="period_id",
        ids=_CLUSTERED,
    ),
    _reading("coverage_gap_periods", f"{PROJECT}/coverage-gaps/periods/", _PERIODS),
    _reading(
        "coverage_gap_clusters",
        "/query/v1/coverage-gaps/periods/{period_id}/",
        _CURSOR,
        item="period_id",
        ids=_CLUSTERED,
    ),
    _reading("project", "/org/v1/projects/{project_id}/", {}),
    _reading("sources", f"{_SOURCES}/sources/", _PAGE, paged=True),
    _reading("source", f"{_SOURCES}/sources/{{source_id}}/", {}, item="source_id"),
    _reading("source_groups", f"{_SOURCES}/source-groups/", _PAGE, paged=True),
)
