from __future__ import annotations

import sys
from typing import Any

import pytest

from kapagate.demo import show
from kapagate.demo.scenes import Shown


def record(**more: Any) -> dict[str, Any]:
    told = {"tenant": "acme", "subject": "ada", "operation": "chat", "status": 200, "outcome": "answered"}
    return {**told, "duration_ms": 1.23, "verdicts": {}, **more}


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"NO_COLOR": ""}, True)],
)
def test_colour_is_for_terminals_alone_and_never_against_no_color(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], expected: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert show.coloured() is expected
    assert show.paint("x", "1") == ("\x1b[1mx\x1b[0m" if expected else "x")


def test_a_scene_is_two_lines_and_one_for_each_promise_not_kept() -> None:
    shown = Shown("ada asks", 200, "answered")
    assert show.scene(7, shown).splitlines() == ["  7  200  ada asks", "          answered"]
    shown.expect(True, "kept")
    shown.expect(False, "broken")
    assert show.scene(7, shown).splitlines()[2:] == ["          not as promised: broken"]


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        ({"outcome": "passed"}, ""),
        ({"outcome": "skipped"}, ""),
        ({"outcome": "refused"}, "guard refused"),
        ({"outcome": "changed", "counts": {"email": 2}}, "guard email:2"),
        ({"outcome": "passed", "edits": {"card": 1}}, "guard card:1"),
        ({"outcome": "passed", "mode": "shadow", "would_refuse": {"ip": 1}}, "guard (would) ip:1"),
        ({"outcome": "passed", "answer": "shadow", "would_edit": {"ip": 1}}, "guard (would) ip:1"),
    ],
)
def test_an_audit_row_tells_which_steps_did_something(verdict: dict[str, Any], told: str) -> None:
    row = show.audit([record(verdicts={"guard": verdict})]).splitlines()[2]
    assert row.split("answered")[1].strip() == told


def test_an_audit_row_tells_a_stranger_and_a_time_that_nobody_took() -> None:
    row = show.audit([record(subject="", duration_ms=None, tenant="none")]).splitlines()[2]
    assert row.split()[:3] == ["0.0", "none", "-"]


def test_one_series_of_each_of_three_metrics() -> None:
    text = "\n".join(
        [
            "# HELP x y",
            'http_requests_total{a="1"} 2.0',
            'http_requests_total{a="2"} 3.0',
            'kapa_queries_total{b="1"} 1.0',
        ]
    )
    assert show.metrics(text).splitlines()[1:] == [
        '  http_requests_total{a="1"} 2.0',
        '  kapa_queries_total{b="1"} 1.0',
    ]


def test_the_lines_to_paste_name_the_gateway_and_the_token() -> None:
    told = show.how_to_go_on("http://127.0.0.1:1", "http://127.0.0.1:2", "token-of-ada")
    assert "export GATEWAY=http://127.0.0.1:1\nexport TOKEN=token-of-ada\ncurl -s " in told
    assert "http://127.0.0.1:2/metrics" in told
