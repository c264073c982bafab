"""Routes are read, each with what guards can see of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.answer.document import KEY
from kapagate.chain.compose import ANSWER_SURFACES
from kapagate.chain.route import SURFACES, Route
from kapagate.policy.finding import Diagnostics
from kapagate.policy.load import Loaded
from kapagate.policy.position import Span
from kapagate.policy.routes import METHODS, check_names

URL = 'crm: {type: http, url: "http://127.0.0.1:9000"'
LINE = '  - {name: crm, match: "GET /crm/{rest:*}", upstream: crm, on_uninspectable: pass}\n'


def route(loaded: Loaded, name: str = "crm") -> Route:
    assert loaded.generation is not None, loaded.report()
    return next(each for each in loaded.generation.routes.routes if each.name == name)


@pytest.fixture
def with_route(load: Callable[..., Loaded], good: str) -> Callable[[str], Loaded]:
    return lambda line: load(good.replace(LINE, f"  - {line}\n"))


def test_a_route_has_its_methods_template_permission_and_upstream(with_route: Callable[[str], Loaded]) -> None:
    found = route(
        with_route('{name: crm, match: "GET|POST /crm/{id}", upstream: crm, on_uninspectable: refuse, text: [a]}')
    )
    assert found.methods == {"GET", "POST"}
    assert (found.template, found.permission, found.operation) == ("/crm/{id}", "route.crm", "crm")
    assert found.upstream is not None
    assert found.upstream.name == "crm"
    assert found.on_uninspectable == "refuse"


def test_a_route_is_sent_once_unless_it_is_declared_idempotent(with_route: Callable[[str], Loaded]) -> None:
    line = '{name: crm, match: "GET /crm", upstream: crm, on_uninspectable: pass'
    assert not route(with_route(line + "}")).idempotent
    assert route(with_route(line + ", idempotent: true}")).idempotent


def test_a_path_is_canonical_unless_it_is_declared_opaque(with_route: Callable[[str], Loaded]) -> None:
    line = '{name: crm, match: "GET /crm/{rest:*}", upstream: crm, on_uninspectable: pass'
    assert not route(with_route(line + "}")).opaque
    assert not route(with_route(line + ", path: canonical}")).opaque
    assert route(with_route(line + ", path: opaque}")).opaque


def test_no_narrower_route_may_lie_in_an_opaque_one(load: Callable[..., Loaded], good: str) -> None:
    opaque = '  - {name: crm, match: "GET /crm/{rest:*}", upstream: crm, on_uninspectable: pass, path: opaque}\n'
    narrower = '  - {name: admin, match: "POST /crm/admin", upstream: crm, on_uninspectable: pass}\n'
    found = [each.message for each in load(good.replace(LINE, opaque + narrower)).diagnostics]
    assert 'route "crm" and route "admin" can match the same path' in found


def test_an_undeclared_body_is_hidden_from_guards(with_route: Callable[[str], Loaded]) -> None:
    found = route(with_route('{name: crm, match: "GET|POST /crm", upstream: crm, on_uninspectable: pass}'))
    assert found.hides == frozenset(SURFACES)
    assert found.shows == frozenset()
    found = route(with_route('{name: crm, match: "GET /crm", upstream: crm, on_uninspectable: pass}'))
    assert found.hides == ANSWER_SURFACES


def test_declared_texts_are_shown_to_guards(with_route: Callable[[str], Loaded]) -> None:
    found = route(with_route('{name: crm, match: "GET /crm", upstream: crm, text: ["items[].body"]}'))
    assert found.shows == {"answer text", "whole answer"}
    assert found.hides == frozenset()
    assert [path for path, _ in found.answer_texts] == ["items[].body"]


@pytest.mark.parametrize(
    ("running", "stream", "shows", "hides"),
    [
        ('["choices[].delta.content", "."]', "window", {"answer text", "running text"}, {"whole answer"}),
        ('["choices[].delta.content"]', "buffer", {"answer text", "running text", "whole answer"}, set()),
        ('[], text: ["note"]', "window", {"answer text"}, {"whole answer"}),
        ('[], text: ["note"]', "buffer", {"answer text", "whole answer"}, set()),
        ("[]", "window", set(), ANSWER_SURFACES),
    ],
)
def test_what_streams_shows_its_running_text_and_its_end_only_when_held(
    load: Callable[..., Loaded], good: str, running: str, stream: str, shows: set[str], hides: set[str]
) -> None:
    declared = f'  - {{name: crm, match: "GET /crm", upstream: crm, on_uninspectable: pass, running_text: {running}}}\n'
    found = route(load(good.replace(LINE, declared).replace(URL, f"{URL}, stream: {stream}")))
    assert (found.shows, found.hides) == (shows, hides)
    assert found.running_texts is not None


def test_declared_questions_are_shown_to_guards_wherever_they_stand(with_route: Callable[[str], Loaded]) -> None:
    line = '{name: crm, match: "POST /crm", upstream: crm, on_uninspectable: pass, question: ["messages[].content"]}'
    found = route(with_route(line))
    assert (found.shows, found.hides) == ({"question"}, ANSWER_SURFACES)
    document = {"messages": [{"content": "a"}, {"content": [{"text": "b"}]}], "model": "m"}
    assert [(each.path, each.kind) for each in found.texts_of(document)] == [
        (("messages", 0, "content"), "question"),
        (("messages", 1, "content", 0, "text"), "question"),
        (("messages", 1, "content", 0, "text", KEY), "question"),
    ]


def test_news_without_an_end_wait_for_nothing(with_route: Callable[[str], Loaded]) -> None:
    line = '{name: crm, match: "GET /crm", upstream: crm, text: [note], running_text: RUNNING}'
    assert route(with_route(line.replace("RUNNING", "[]"))).endless
    assert not route(with_route(line.replace("RUNNING", "[answer]"))).endless


def test_what_is_no_path_of_a_field_is_told_where_it_stands(load: Callable[..., Loaded], good: str) -> None:
    declared = '{name: crm, match: "GET /crm", upstream: crm, text: ["a"], running_text: [".", "a..b"]}'
    (problem,) = load(good.replace(LINE, f"  - {declared}\n")).diagnostics
    assert "'a..b'" in problem.message


def test_a_served_route_asks_for_the_endpoints_own_permission(load: Callable[..., Loaded]) -> None:
    found = route(load(), "health")
    assert found.permission == "admin.health.read"
    assert found.upstream is None
    assert found.hides == frozenset()


def test_the_policys_body_limit_holds_on_every_route(load: Callable[..., Loaded], good: str) -> None:
    loaded = load(good.replace("name: docs", "listen: {limits: {body: 2KiB}}"))
    assert loaded.generation is not None
    assert {each.body_limit for each in loaded.generation.routes.routes} == {2048}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{name: crm, match: 'TRACE /x', upstream: crm}", "KG312"),
        ("{name: crm, match: 'get /x', upstream: crm}", "KG312"),
        ("{name: crm, match: 'GET /a//b', upstream: crm}", "KG312"),
        ("{name: crm, match: 'GET /{rest:*}/b', upstream: crm}", "KG312"),
        ("{name: crm, match: 'GET /x', upstream: crm, serve: config}", "KG312"),
        ("{name: Crm, match: 'GET /x', upstream: crm}", "KG212"),
        ("{name: crm, match: 'GET /x', upstream: crm, path: raw}", "KG213"),
        ("{name: crm, match: 'GET /x', upstream: crm, path: opaque}", "KG312"),
        ("{name: crm, match: 'GET /x/{id}', upstream: crm, path: opaque}", "KG312"),
        ("{name: crm, match: 'GET /{id}/{rest:*}', upstream: crm, path: opaque}", "KG312"),
        ("{name: crm, match: 'GET /x/{rest:*}', serve: config, path: opaque}", "KG312"),
        ("crm", "KG211"),
    ],
)
def test_what_cannot_be_understood_is_an_error(with_route: Callable[[str], Loaded], line: str, code: str) -> None:
    assert code in {each.code.name for each in with_route(line).diagnostics}


def test_names_are_routes_or_what_covers_them() -> None:
    problems = Diagnostics()
    routes = [Route("kapa.chat_stream", frozenset(METHODS), "/x", "kapa.chat", "chat_stream")]
    check_names(
        ["kapa.chat", "kapa.chat_stream", "kapa.chats"], [Span("a", 1), Span("a", 2), Span("a", 3)], routes, problems
    )
    [problem] = problems
    assert (problem.span.line, problem.suggestion) == (3, "kapa.chat")
