"""What can be read of conversations: threads, end users, integrations, activity."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kapagate.standin.call import Call, Reply, reply, take
from kapagate.standin.errors import not_found
from kapagate.standin.history import EndUser, Thread, Turn, made
from kapagate.standin.paging import Cursor, paged
from kapagate.standin.parameters import Parameters

_INCLUDES = frozenset({"feedback", "status_tag", "custom_tags", "interaction_tags", "end_user", "integration"})
_SHOWN = 10
_ORDERINGS = frozenset({"latest_activity_at", "first_activity_at", "question_answer_count", "email", "created_at"})
_INTEGRATIONS = (("Website", "WIDGET"), ("Backend", "API"), ("Console", "KAPA_MCP"))
_CREATED = "2026-01-05T08:00:00.000000Z"


def threads(call: Call) -> Reply:
    """A page of threads by cursor. Long threads are cut."""
    project = call.project()
    parameters = Parameters(call.query)
    cursor = Cursor(parameters)
    sort = parameters.choice("sort", ("asc", "desc"), "desc")
    since = parameters.moment("updated_since")
    include = parameters.words("include", _INCLUDES)
    integrations = parameters.uuids("integration")
    tags = parameters.uuids("custom_tags")
    if (status := parameters.text("status_tag")) != "null":
        tags += Parameters({"status_tag": status}).uuids("status_tag")
    parameters.check()
    found = call.projects.past(project).threads(project)
    found = [each for each in found if not tags and _meant(each, integrations, since)]
    page, after, _ = cursor.cut(found[::-1] if sort == "asc" else found)
    results = [_describe_thread(each, include, each.turns[-_SHOWN:]) for each in page]
    return reply({"results": results, "next_cursor": after}, call.faults)


def thread(call: Call) -> Reply:
    """One thread, whole."""
    project = call.projects.enter_thread(call.key, call.ids["thread_id"])
    found = call.projects.past(project).thread(call.ids["thread_id"])
    if found is None:
        raise not_found()
    parameters = Parameters(call.query)
    include = parameters.words("include", _INCLUDES)
    parameters.check()
    described = _describe_thread(found, include, found.turns)
    for each in described["question_answers"]:
        each.update(query_type="conversation", is_redacted=False)
    return reply(described, call.faults)


def end_users(call: Call) -> Reply:
    """A numbered page of the people who asked."""
    project = call.project()
    parameters = Parameters(call.query)
    has_email = parameters.flag("has_email")
    ordering = parameters.text("ordering") or "-latest_activity_at"
    if ordering.removeprefix("-") not in _ORDERINGS:
        parameters.complain("ordering", f'"{ordering}" is not a valid choice.')
    sought, faults = take(parameters.text("search"), call.faults, "search")
    parameters.check()
    people = map(_describe_person, call.projects.past(project).people(project))
    found = [each for each in people if has_email in (None, bool(each["email"])) and _matches(each, sought)]
    found.sort(key=lambda each: str(each[ordering.removeprefix("-")] or ""), reverse=ordering.startswith("-"))
    return reply(paged(call, parameters, found), faults)


def integrations(call: Call) -> Reply:
    """A bare array."""
    return reply(list(_integrations(call.project())), call.faults)


def activity(call: Call) -> Reply:
    """Counts over all integrations, and over each."""
    project = call.project()
    parameters = Parameters(call.query)
    start, end = parameters.moment("start_date_time"), parameters.moment("end_date_time")
    chosen = parameters.uuids("integration_filter")
    parameters.check()
    turns = [
        turn
        for turn in call.projects.past(project).turns(project)
        if (start is None or datetime.fromisoformat(turn.created_at) >= start)
        and (end is None or datetime.fromisoformat(turn.created_at) <= end)
        and (not chosen or turn.thread.integration_id in chosen)
    ]
    by_integration = [
        {
            "integration": {name: each[name] for name in ("id", "integration_type", "name")},
            "statistics": _statistics(turn for turn in turns if turn.thread.integration_id == each["id"]),
        }
        for each in _integrations(project)
        if not chosen or each["id"] in chosen
    ]
    return reply({"aggregate_statistics": _statistics(turns), "statistics_by_integration": by_integration}, call.faults)


def _meant(thread: Thread, integrations: list[str], since: datetime | None) -> bool:
    if integrations and thread.integration_id not in integrations:
        return False
    return since is None or datetime.fromisoformat(thread.turns[-1].created_at) >= since


def _describe_thread(thread: Thread, include: frozenset[str], turns: list[Turn]) -> dict[str, Any]:
    included: dict[str, Any] = {
        "feedback": None,
        "status_tag": None,
        "custom_tags": [],
        "interaction_tags": [],
        "integration": None,
    }
    return {
        "id": thread.id,
        "created_at": thread.turns[0].created_at,
        "last_activity_at": thread.turns[-1].created_at,
        "integration_id": thread.integration_id,
        "question_answers": [_describe_turn(turn, include) for turn in turns],
        "has_more_question_answers": len(turns) < len(thread.turns),
        **{name: value for name, value in included.items() if name in include},
    }


def _describe_turn(turn: Turn, include: frozenset[str]) -> dict[str, Any]:
    person = turn.end_user
    described: dict[str, Any] = {
        "id": turn.id,
        "thread_id": turn.thread.id,
        "question": turn.question,
        "answer": turn.answer,
        "created_at": turn.created_at,
        "is_uncertain": turn.is_uncertain,
        "end_user_id": person and person.id,
    }
    if "end_user" in include:
        described["end_user"] = person and {"id": person.id, "identifier": person.email or person.unique_client_id}
    if "feedback" in include:
        said = turn.reactions.values()
        described["feedback"] = [{"reaction": reaction, "comment": comment} for reaction, comment in said]
    return described


def _describe_person(person: EndUser) -> dict[str, Any]:
    first, last = person.turns[0], person.turns[-1]
    return {
        "id": person.id,
        "display_id": person.id[:8],
        "email": person.email,
        "unique_client_id": person.unique_client_id,
        "question_answer_count": len(person.turns),
        "latest_thread_id": last.thread.id,
        "latest_thread_first_question": last.thread.turns[0].question,
        "latest_activity_at": last.created_at,
        "first_activity_at": first.created_at,
        "company_name": person.company_name,
        "created_at": first.created_at,
        "google_sub_id": None,
        "github_sub_id": None,
        "kapa_oidc_sub_id": None,
    }


def _matches(person: dict[str, Any], sought: str) -> bool:
    return any(
        sought.lower() in str(person[name] or "").lower() for name in ("email", "unique_client_id", "display_id")
    )


def _integrations(project: str) -> Iterable[dict[str, Any]]:
    for name, kind in _INTEGRATIONS:
        yield {
            "id": made(project, f"integration/{kind}"),
            "project": project,
            "name": name,
            "description": None,
            "integration_type": kind,
            "created_at": _CREATED,
            "updated_at": _CREATED,
        }


def _statistics(turns: Iterable[Turn]) -> dict[str, Any]:
    counted = list(turns)
    given = [reaction for turn in counted for reaction, _ in turn.reactions.values()]
    return {
        "total_query_count": len(counted),
        "total_conversation_query_count": len(counted),
        "total_retrieval_query_count": 0,
        "total_upvotes": given.count("upvote"),
        "total_downvotes": given.count("downvote"),
        "total_uncertain_query_count": sum(turn.is_uncertain for turn in counted),
        "total_unique_users": len({turn.end_user.id for turn in counted if turn.end_user}),
        "total_support_tickets_deflected": 0,
        "total_support_tickets_not_deflected": 0,
        "total_queries_by_language": [{"iso": "en", "name": "English", "count": len(counted)}] if counted else [],
    }
