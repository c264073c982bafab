"""Whole policies: what is right becomes a generation, what is wrong is said at its place, all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapagate.chain.services import Services
from kapagate.policy.load import Loaded, load_policy

Load = Callable[..., Loaded]
Found = Callable[..., list[str]]


def test_a_good_policy_becomes_a_generation(load: Load, limited: str, acme: str) -> None:
    loaded = load(limited, acme)
    assert loaded.report() == ""
    assert loaded.ok
    assert loaded.generation is not None
    assert loaded.gateway is not None
    assert loaded.gateway.name == "docs"
    assert set(loaded.generation.tenants) == {"default", "acme"}
    routes = len(loaded.generation.routes.routes)
    assert loaded.summary() == f"2 documents, 2 tenants, {routes} routes: no problems"


def test_routes_of_kapa_and_of_the_policy_are_matched(load: Load) -> None:
    generation = load().generation
    assert generation is not None
    route, params = generation.match("GET", "/crm/a/b")
    assert (route.name, params, route.permission) == ("crm", {"rest": "a/b"}, "route.crm")
    route, _ = generation.match("POST", "/query/v1/projects/default/chat/")
    assert route.permission == "kapa.chat"
    assert route.upstream is not None


def test_there_is_no_generation_when_there_is_an_error(load: Load, good: str) -> None:
    loaded = load(good.replace("count: 3", "count: three"))
    assert loaded.generation is None
    assert loaded.gateway is None
    assert not loaded.ok
    assert loaded.summary().endswith(": 1 error")


def test_the_hash_names_what_the_policy_says_and_not_how(load: Load, good: str, acme: str) -> None:
    def policy(*texts: str, **more: Any) -> str:
        generation = load(*texts, **more).generation
        assert generation is not None
        return generation.policy

    assert policy(good) == policy("# a comment\n" + good.replace("name: docs", 'name: "docs"'))
    assert policy(good) != policy(good.replace("count: 3", "count: 4"))
    assert policy(good) != policy(good, acme.replace("phone", "email"))


def test_a_policy_without_gateway_is_an_error(found: Found, acme: str) -> None:
    assert found(acme, "") == ["gateway.yaml:1:1 KG204 there is no document of kind Gateway"]


TRAPS = [
    ("name: docs", "nmae: docs", "KG214", "nmae", "name"),
    ("name: docs", "name: docs\nname: docs2", "KG109", "name", None),
    ("name: docs", "name: 12", "KG211", "12", None),
    ("name: docs", "name: !!str docs", "KG107", "!!str docs", None),
    ("name: docs", "<<: {name: docs}", "KG108", "<<", None),
    ("name: docs", "1: docs", "KG110", "1", None),
    ("name: docs", "limits: {head: 3KiB}", "KG215", "limits", None),
    ("name: docs", "listen: {limits: {haed: 3KiB}}", "KG214", "haed", "head"),
    ("name: docs", "listen: {limits: {head: 3KB}}", "KG212", "3KB", None),
    ("name: docs", "listen: {limits: {connections: 012}}", "KG211", "012", None),
    ("name: docs", "listen: {head: 3KiB}", "KG215", "head", None),
    ("name: docs", "listen: {data: 8080}", "KG212", "8080", None),
    ("name: docs", "state: postgres", "KG212", "postgres", None),
    ("name: docs", "tenant_secrets: ['env:KG_{tenant}_*', 'env:ALL_*']", "KG212", "'env:ALL_*'", None),
    ("kind: Gateway", "kind: Gatway", "KG202", "Gatway", "Gateway"),
    ("kapagate.dev/v1", "kapagate.dev/v2", "KG201", "kapagate.dev/v2", "kapagate.dev/v1"),
    ('"${env:TOKEN}"}\nroles', "abc}\nroles", "KG216", "abc", None),
    ("${env:TOKEN}", "${env:WORD}", "KG212", '"${env:WORD}"', None),
    ("${env:TOKEN}", "${env:TOKN}", "KG403", "${env:TOKN}", None),
    ("${env:TOKEN}", "${evn:TOKEN}", "KG402", "${evn:TOKEN}", "env"),
    ("${env:TOKEN}", "${TOKEN}", "KG401", "${TOKEN}", None),
    ("${env:TOKEN}", "${env:TO-KEN}", "KG401", "${env:TO-KEN}", None),
    ("${env:TOKEN}", "${file:absent}", "KG403", "${file:absent}", None),
    ("kapa.chat]}\n", "kapa.chta]}\n", "KG306", "kapa.chta", "kapa.chat"),
    ("kapa.chat]}\n", "kapa.chat_stream]}\n", "KG306", "kapa.chat_stream", None),
    ("includes: [viewer]", "includes: [vewer]", "KG305", "vewer", "viewer"),
    ("allow: [kapa.chat]", "includes: [operator]", "KG314", "operator", None),
    ("[route.crm]", "[route.crn]", "KG306", "route.crn", "route.crm"),
    ("type: kapa", "type: kappa", "KG218", "kappa", "kapa"),
    ("type: kapa", "tpye: kapa", "KG210", "tpye", "type"),
    ("https://kapa.example", "kapa.example", "KG212", '"kapa.example"', None),
    ("connect: 2s", "connect: 2", "KG212", "2", None),
    ("connect: 2s", "conect: 2s", "KG214", "conect", "connect"),
    ("count: 3", "count: 300", "KG212", "300", None),
    ("count: 3", "count: yes", "KG211", "yes", None),
    ("count: 3", 'count: "3"', "KG211", '"3"', None),
    ("count: 3", "count: 13", "KG315", "13", None),
    ("count: 3", "count: 14", "KG315", "note", None),
    ("count: 3", "count: 15", "KG315", "note", None),
    ("count: 3", "loud: on", "KG211", "on", None),
    ("count: 3", "groups: al", "KG213", "al", "all"),
    ("count: 3", "groups: [1, x]", "KG211", "x", None),
    ("count: 3", "words: {a: 1}", "KG211", "words", None),
    ("count: 3", "words: ['1:30:00', 'no', '0777', '2024-01-01', 5]", "KG211", "5", None),
    ("count: 3", "words: ['1:30:00', no]", "KG211", "no", None),
    ("count: 3", "table: {a: b}", "KG211", "b", None),
    ("count: 3", "id: x", "KG215", "id", None),
    ("count: 3", "severity: low", "KG215", "severity", None),
    ("severity: low", "severity: lo", "KG213", "lo", "low"),
    ("    id: door", "    id: door\n    modd: enforce", "KG214", "modd", "mode"),
    ("    id: door", "    id: door\n    count: 4", "KG215", "count", None),
    ("    id: door", "    id: door\n    mode: shdow", "KG213", "shdow", "shadow"),
    ("    id: door", "    id: answer", "KG302", "answer", None),
    ("  - note: {count: 3", "  - nota: {count: 3", "KG218", "nota", "note"),
    ("tenant: acme}}]}", "tenant: acme}}]}\n    mode: shadow", "KG304", "shadow", None),
    ("{token: {secret", "{tokn: {secret", "KG218", "tokn", "token"),
    ("tenant: acme}", "tenant: amce}", "KG309", "amce", "acme"),
    ('secret: "${env:TOKEN}", tenant', "secret: x, tenant", "KG216", "x", None),
    ("[{token:", "[x, {token:", "KG211", "x", None),
    ("  - ask: {}\n    locked: true", "  - ask", "KG217", "ask", None),
    ("  - ask: {}", "  - ask:", "KG211", "ask", None),
    ("  - ask: {}", "  - id: ask", "KG217", "id", None),
    ("  - ask: {}", "  - ask: {}\n    guard: {}", "KG217", "guard", None),
    ("route: [kapa.chat]", "method: [GTE]", "KG213", "GTE", "GET"),
    ("route: [kapa.chat]", "method: [post]", "KG213", "post", "POST"),
    ('"http://127.0.0.1:9000"}', '"http://127.0.0.1:9000", ca_file: ca.pem}', "KG315", "ca.pem", None),
    ("route: [kapa.chat]", "route: [kapa.chats]", "KG307", "kapa.chats", "kapa.chat"),
    ("role: [viewer]", "role: [vewer]", "KG305", "vewer", "viewer"),
    ("guard: {mask: email}", "guard: {at_end: true}", "KG330", "true", None),
    ("upstream: crm,", "upstream: crmm,", "KG308", "crmm", "crm"),
    ("upstream: crm,", "upstream: kapa,", "KG312", "kapa", None),
    (", on_uninspectable: pass", "", "KG330", "email", None),
    ("on_uninspectable: pass", "on_uninspectable: pas", "KG213", "pas", "pass"),
    ("on_uninspectable: pass", "text: [a..b]", "KG212", "a..b", None),
    ('"GET /crm/{rest:*}"', "GTE /crm/x", "KG312", "GTE /crm/x", "GET"),
    ('"GET /crm/{rest:*}"', "GET crm/x", "KG312", "GET crm/x", None),
    ('"GET /crm/{rest:*}"', "GET", "KG312", "GET", None),
    ("upstream: crm,", "", "KG312", "name", None),
    ("serve: system_health", "serve: system_helth", "KG313", "system_helth", "system_health"),
    ("name: health", "name: crm", "KG317", "crm", None),
    ('match: "GET /api/health"', 'match: "GET /crm/x"', "KG311", '"GET /crm/{rest:*}"', None),
]


@pytest.mark.parametrize(
    ("right", "wrong", "code", "word", "suggestion"), TRAPS, ids=[f"{trap[2]} {trap[1][-40:]!r}" for trap in TRAPS]
)
def test_each_mistake_is_found_at_its_place(
    load: Load, good: str, right: str, wrong: str, code: str, word: str, suggestion: str | None
) -> None:
    assert right in good
    text = good.replace(right, wrong, 1)
    loaded = load(text)
    first = next(iter(loaded.diagnostics))
    assert first.code.name == code, loaded.report()
    span = first.span
    assert text.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1] == word
    assert first.suggestion == suggestion
    assert not loaded.ok
    assert {each.code for each in loaded.diagnostics} == {first.code}, "one mistake, one kind of problem"


def test_both_ambiguous_routes_are_named(found: Found, good: str) -> None:
    problems = found(good.replace('"GET /api/health"', '"GET|POST /crm/x"'))
    assert problems == [
        'gateway.yaml:29:24 KG311 route "crm" and route "health" can match the same request',
        'gateway.yaml:30:27 KG311 route "health" and route "crm" can match the same request',
    ]


def test_a_route_to_an_upstream_needs_identification(found: Found, good: str) -> None:
    start, end = good.index("  - identify"), good.index("chain:")
    text = good[:start] + good[end:].replace("  - ask: {}\n    locked: true\n", "")
    assert found(text) == [
        "gateway.yaml:9:3 KG310 this leads to an upstream, and no step of the gate identifies the caller",
        "gateway.yaml:26:55 KG310 this leads to an upstream, and no step of the gate identifies the caller",
    ]


def test_a_fact_is_read_after_it_is_written(found: Found, good: str) -> None:
    moved = good.replace("  - ask: {}\n    locked: true\n", "").replace("gate:\n", "gate:\n  - ask: {}\n")
    [problem] = found(moved)
    assert problem.startswith('gateway.yaml:18:5 KG330 step "ask" needs to know the principal')


def test_all_problems_come_at_once_and_sorted(load: Load, good: str, acme: str) -> None:
    text = good.replace("name: docs", "nmae: docs").replace("count: 3", "count: x").replace("mask: email", "mask: mail")
    loaded = load(text, acme.replace("at: answer", "at: anwser"))
    assert [str(each.span) for each in loaded.diagnostics] == [
        "gateway.yaml:3:1",
        "gateway.yaml:18:19",
        "gateway.yaml:26:19",
        "tenant.yaml:7:10",
    ]


def test_what_depends_on_a_mistake_is_not_reported_as_well(found: Found, good: str, acme: str) -> None:
    problems = found(good.replace("  - guard: {mask", "  - gaurd: {mask").replace("type: http", "type: htp"), acme)
    assert [problem.split(" ")[1] for problem in problems] == ["KG218", "KG218"]


def test_no_value_of_a_reference_is_ever_shown(load: Load, good: str) -> None:
    for wrong in (
        'count: "${env:TOKEN}"',
        'size: "x${env:TOKEN}"',
        'level: {wait: "${env:TOKEN}"}',
        'groups: "${env:TOKEN}"',
    ):
        report = load(good.replace("count: 3", wrong)).report()
        assert "error" in report
        assert "t-ooo" not in report


def test_a_secret_in_clear_is_masked_wherever_its_line_is_quoted(load: Load, good: str) -> None:
    clear = "hunter" + "2hunter2"
    report = load(good.replace('{key: "${env:TOKEN}"}', f"{{key: {clear}, salt: 1}}")).report()
    assert report.count("KG2") == 2
    assert clear not in report


def test_tenants_that_share_a_project_are_a_warning(load: Load, limited: str, acme: str) -> None:
    loaded = load(limited, acme.replace("0002", "0001"))
    [warning] = loaded.diagnostics
    assert str(warning.span) == "tenant.yaml:3:7"
    assert warning.message.endswith(
        "share a Kapa project (default, acme): threads and answers are kept apart here, but its "
        "statistics, clusters and end users are those of all of them"
    )
    assert loaded.ok
    assert loaded.generation is not None
    assert loaded.summary().endswith(": 1 warning")


def test_a_file_that_a_reference_names_is_read_with_its_places(load: Load, good: str) -> None:
    text = good.replace("[{token: {secret", "[${file:token.yaml}, {token: {secret").replace(
        "[${file:token.yaml},", '["${file:token.yaml}",'
    )
    loaded = load(text, token_yaml="token:\n  secret: '${env:TOKEN}'\n  tenent: x\n")
    [problem] = loaded.diagnostics
    assert str(problem.span) == "token.yaml:3:3"
    assert problem.suggestion == "tenant"
    assert "tenent: x" not in loaded.report()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_edit_of_one_character_gives_a_traceback(load: Load, good: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(good) - 1))
    new = data.draw(st.sampled_from(["", good[at] * 2, *"x0 :-{}[],'\"#&*!|>%@`\t\n\0\x07é$"]))
    loaded = load(good[:at] + new + good[at + 1 :])
    assert loaded.ok or loaded.report()


def test_edits_of_words_are_refused_where_they_are(load: Load, good: str, acme: str) -> None:
    """Every letter doubled, one at a time: what is refused at all is mostly refused on its own line."""
    body = good.index("pseudonyms")
    hits = refused = 0
    for at in range(body, len(good), 3):
        if good[at].isalpha():
            loaded = load(good[:at] + good[at] + good[at:], acme)
            if not loaded.ok:
                refused += 1
                hits += good[:at].count("\n") + 1 in {each.span.line for each in loaded.diagnostics if each.is_error}
    assert refused > 50
    assert hits / refused > 0.9


def test_each_hostile_file_of_a_directory_gets_one_clear_error(tmp_path: Path) -> None:
    hostile = {
        "bomb": "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)),
        "deep": "a: " + "[" * 10_000,
        "wide": "x" * (5 << 20),
        "nul": "a: \0",
        "cycle": "a: &a [*a]",
    }
    for name, text in hostile.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    loaded = load_policy([tmp_path], lambda kind, name, folder: "", lambda settings: Services({}))
    assert [each.code.name for each in loaded.diagnostics] == ["KG106", "KG106", "KG105", "KG103", "KG102"]
