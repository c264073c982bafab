"""What a project is made of: its name, its sources and their groups."""

from __future__ import annotations

from typing import Any

from kapagate.standin.call import Call, Reply, reply
from kapagate.standin.errors import not_found
from kapagate.standin.history import made
from kapagate.standin.paging import paged
from kapagate.standin.parameters import Parameters

_CREATED = "2026-01-05T08:00:00.000000Z"
_SOURCES = (
    *(("Documentation", "scrape"), ("Issues", "github_issues"), ("Answers", "custom_qa"), ("Handbook", "file_upload")),
    *(("Forum", "discourse"), ("API", "openapi"), ("Tickets", "zendesk_tickets")),
)
_GROUPS = (("Nimbus", ("Nimbus 2", "Nimbus 3")), ("Nimbus Cloud", ()))


def project(call: Call) -> Reply:
    entered = call.project()
    return reply({"id": entered, "team": made(entered, "team"), "project_name": "Nimbus"}, call.faults)


def sources(call: Call) -> Reply:
    """A numbered page."""
    return reply(paged(call, Parameters(call.query), _sources(call.project())), call.faults)


def source(call: Call) -> Reply:
    found = (each for each in _sources(call.project()) if each["id"] == call.ids["source_id"])
    if (one := next(found, None)) is None:
        raise not_found()
    return reply(one, call.faults)


def source_groups(call: Call) -> Reply:
    """A numbered page; versions stand within their product."""
    entered = call.project()
    groups = []
    for name, versions in _GROUPS:
        within = [_group(entered, version, "version", []) for version in versions]
        groups.append(_group(entered, name, "product", within))
    return reply(paged(call, Parameters(call.query), groups), call.faults)


def _sources(project: str) -> list[dict[str, Any]]:
    group = {"id": made(project, "group/Nimbus"), "name": "Nimbus"}
    return [
        {
            "id": made(project, f"source/{kind}"),
            "name": name,
            "type": kind,
            "contains_internal_data": kind == "zendesk_tickets",
            "created_at": _CREATED,
            "updated_at": _CREATED,
            "source_groups": [group],
        }
        for name, kind in _SOURCES
    ]


def _group(project: str, name: str, kind: str, within: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": made(project, f"group/{name}"),
        "name": name,
        "type": kind,
        "description": None,
        "sub_groups": within,
        "created_at": _CREATED,
        "updated_at": _CREATED,
    }
