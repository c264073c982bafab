"""Who may do what, as the example policy has it and as policies can have it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kapagate.demo.people import Keys
from kapagate.policy.load import Loaded
from kapagate.policy.matrix import Matrix, matrix_of
from kapagate.remote.references import References
from kapagate.run import offline

Load = Callable[..., Loaded]
EXAMPLE = Path(__file__).parents[2] / "policies"
PINNED = """\
                            needs                       viewer  operator  admin
kapa.chat                   kapa.chat                   yes     yes       yes
kapa.chat_stream            kapa.chat                   yes     yes       yes
kapa.thread_chat            kapa.chat                   yes     yes       yes
kapa.thread_chat_stream     kapa.chat                   yes     yes       yes
kapa.feedback               kapa.feedback               yes     yes       yes
kapa.retrieval              kapa.retrieval              yes     yes       yes
kapa.documents              kapa.documents              yes     yes       yes
kapa.threads                kapa.threads                yes     yes       yes
kapa.threads.all            kapa.threads.all            -       -         yes
kapa.thread                 kapa.thread                 yes     yes       yes
kapa.end_users              kapa.end_users              -       denied    yes
kapa.integrations           kapa.integrations           -       -         yes
kapa.activity               kapa.activity               -       yes       yes
kapa.top_question_periods   kapa.top_question_periods   -       yes       yes
kapa.top_question_clusters  kapa.top_question_clusters  -       yes       yes
kapa.coverage_gap_periods   kapa.coverage_gap_periods   -       yes       yes
kapa.coverage_gap_clusters  kapa.coverage_gap_clusters  -       yes       yes
kapa.project                kapa.project                yes     yes       yes
kapa.sources                kapa.sources                -       yes       yes
kapa.source                 kapa.source                 -       -         yes
kapa.source_groups          kapa.source_groups          -       yes       yes
kapa.agent_session          kapa.agent_session          -       -         yes
kapa.query                  kapa.chat                   yes     yes       yes
kapa.query_feedback         kapa.feedback               yes     yes       yes
crm                         route.crm                   -       yes       yes
health                      admin.health.read           -       yes       yes
GET /api/admin/audit        admin.audit.read            -       -         yes
GET /api/admin/config       admin.config.read           -       -         yes
POST /api/admin/guard/try   admin.guard.try             -       -         yes
POST /api/admin/reload      admin.config.reload         -       -         yes
GET /api/admin/shadow       admin.shadow.read           -       -         yes
GET /api/system/health      admin.health.read           -       yes       yes"""
PEOPLE = ("viewer", "operator", "admin")
HOOKS = {"hooks"}


def matrix(loaded: Loaded) -> Matrix:
    assert loaded.generation is not None
    assert loaded.gateway is not None
    return matrix_of(loaded.generation, loaded.gateway.roles)


def row(found: Matrix, name: str) -> dict[str, str]:
    [cells] = [each.cells for each in found.rows if each.name == name]
    return dict(zip(found.roles, cells, strict=True))


def test_the_examples_roles_may_do_what_is_written_here() -> None:
    """Whoever changes this table has read it: admin everything, operator operations and health, viewer reads."""
    asked = Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:2", "unopened.db")
    found = matrix(offline([EXAMPLE], References(asked)))
    columns = [found.roles.index(role) for role in PEOPLE]
    rows = tuple(
        each._replace(cells=tuple(each.cells[column] for column in columns))
        for each in found.rows
        if each.name not in HOOKS
    )
    assert str(Matrix(PEOPLE, rows)) == PINNED


def test_every_role_stands_against_every_route_and_endpoint(load: Load) -> None:
    loaded = load()
    assert loaded.generation is not None
    found = matrix(loaded)
    assert found.roles == ("viewer", "operator")
    routes = [each.name for each in loaded.generation.routes.routes]
    named = [each.name for each in found.rows]
    assert [name for name in named if name in routes] == routes
    assert named[-1].startswith("GET /api/")


@pytest.mark.parametrize(
    ("beside", "cells"),
    [
        ("", {"viewer": "-", "operator": "yes"}),
        ("    locked: true\n", {"viewer": "-", "operator": "yes"}),
        ("    when: {route: [crm]}\n", {"viewer": "-", "operator": "yes"}),
        ("    when: {route: [kapa.chat]}\n", {"viewer": "anybody", "operator": "anybody"}),
        ("    when: {role: [viewer]}\n", {"viewer": "anybody", "operator": "anybody"}),
        ("    mode: shadow\n", {"viewer": "anybody", "operator": "anybody"}),
    ],
)
def test_where_no_step_asks_for_roles_anybody_may(load: Load, good: str, beside: str, cells: dict[str, str]) -> None:
    text = good.replace("    id: answer\n", f"    id: answer\n  - rbac: {{}}\n{beside}")
    assert row(matrix(load(text)), "crm") == cells


def test_a_deny_is_told_from_what_was_never_allowed(load: Load, good: str) -> None:
    text = good.replace("    id: answer\n", "    id: answer\n  - rbac: {}\n")
    text = text.replace("allow: [route.crm]}", "allow: ['*'], deny: [admin.*]}")
    found = matrix(load(text))
    assert row(found, "GET /api/admin/config") == {"viewer": "-", "operator": "denied"}
    assert row(found, "kapa.retrieval") == {"viewer": "-", "operator": "yes"}
