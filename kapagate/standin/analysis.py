"""What Kapa makes of conversations: periods, and in them clusters of questions and of gaps in what is written."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from kapagate.standin.call import Call, Reply, reply
from kapagate.standin.errors import not_found
from kapagate.standin.history import PAST, made
from kapagate.standin.paging import Cursor
from kapagate.standin.parameters import Parameters

Kind = Literal["top-questions", "coverage-gaps"]
_DAYS = {"weekly": 7, "monthly": 28, "quarterly": 84}
_PERIODS = 6
_LAST = date(2026, 3, 2)
_THREADS = 100


def top_question_periods(call: Call) -> Reply:
    return _periods(call, "top-questions")


def coverage_gap_periods(call: Call) -> Reply:
    return _periods(call, "coverage-gaps")


def top_question_clusters(call: Call) -> Reply:
    return _clusters(call, "top-questions")


def coverage_gap_clusters(call: Call) -> Reply:
    return _clusters(call, "coverage-gaps")


def _periods(call: Call, kind: Kind) -> Reply:
    project = call.project()
    parameters = Parameters(call.query)
    cursor = Cursor(parameters)
    interval = parameters.choice("interval", tuple(_DAYS), "weekly")
    parameters.check()
    page, after, _ = cursor.cut([_period(project, kind, interval, number) for number in range(_PERIODS)])
    return reply({"periods": page, "next_cursor": after}, call.faults)


def _clusters(call: Call, kind: Kind) -> Reply:
    project, period = _enter_period(call, kind)
    parameters = Parameters(call.query)
    cursor = Cursor(parameters)
    parameters.check()
    found = _clusters_of(call, project, kind, period["id"])
    page, after, before = cursor.cut(found)
    body = {
        "period": period,
        "total_clusters": len(found),
        "clusters": page,
        "next_cursor": after,
        "previous_cursor": before,
    }
    return reply(body, call.faults)


def _enter_period(call: Call, kind: Kind) -> tuple[str, dict[str, Any]]:
    """The project of the period, and the period; raises KapaError (404) for one that the key does not open."""
    for project in call.projects.opened_by(call.key):
        for interval in _DAYS:
            for number in range(_PERIODS):
                period = _period(project, kind, interval, number)
                if period["id"] == call.ids["period_id"]:
                    return project, period
    raise not_found()


def _period(project: str, kind: Kind, interval: str, number: int) -> dict[str, Any]:
    days = timedelta(_DAYS[interval])
    start = _LAST - days * number
    return {
        "id": made(project, f"{kind}/{interval}/{number}"),
        "interval": interval,
        "start_date": start.isoformat(),
        "end_date": (start + days - timedelta(1)).isoformat(),
        "total_conversations": PAST,
    }


def _clusters_of(call: Call, project: str, kind: Kind, period: str) -> list[dict[str, Any]]:
    """A cluster for every thread of the past: the title is its question, the summary quotes it."""
    found = []
    for number, thread in enumerate(call.projects.past(project).threads(project)[:-1][:_THREADS]):
        first = thread.turns[0]
        cluster = {
            "id": made(project, f"{kind}/{period}/{number}"),
            "title": first.question.partition("?")[0] + "?",
            "summary": f"People ask: {first.question}",
            "thread_count": 1,
            "num_unique_users": 1,
            "threads": [
                {
                    "id": thread.id,
                    "created_at": first.created_at,
                    "initial_question": first.question,
                    "initial_answer": first.answer,
                }
            ],
        }
        if kind == "coverage-gaps":
            cluster["suggestion"] = f"Write down what answers this: {first.question}"
        found.append(cluster)
    return found
