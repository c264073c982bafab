"""What the reader of a problem sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kapagate.policy import codes
from kapagate.policy.finding import Diagnostic
from kapagate.policy.load import Loaded
from kapagate.policy.position import Span
from kapagate.policy.report import escaped, render, render_all
from kapagate.policy.source import Source


def shown(text: str, span: Span, **more: Any) -> list[str]:
    found = Diagnostic(codes.UNKNOWN_FIELD, span, "wrong", **more)
    return render(found, {"x.yaml": Source("x.yaml", text, Path("."))}).split("\n")[:-1]


def test_a_problem_shows_place_code_sentence_line_caret_and_suggestion(load: Callable[..., Loaded], good: str) -> None:
    assert load(good.replace("severity: low", "sevrity: low")).report() == (
        'gateway.yaml:18:30  error KG214  unknown field "sevrity" in note.level\n'
        "   18 |   - note: {count: 3, level: {sevrity: low}}\n"
        "      |                              ^^^^^^^\n"
        '      did you mean "severity"?\n'
        "      see docs/errors.md#kg214-a-field-is-unknown"
    )


def test_a_second_place_is_named_in_a_note(load: Callable[..., Loaded], good: str) -> None:
    assert load(good.replace("id: door", "id: answer")).report() == (
        'gateway.yaml:27:9  error KG302  there is a step "answer" already; give this one its own id\n'
        "   27 |     id: answer\n"
        "      |         ^^^^^^\n"
        "      first at gateway.yaml:18:5\n"
        "      see docs/errors.md#kg302-two-steps-have-the-same-id"
    )


def test_problems_stand_apart(load: Callable[..., Loaded], good: str) -> None:
    report = load(good.replace("name: docs", "nmae: docs").replace("count: 3", "count: x")).report()
    assert [block.split("  ")[0] for block in report.split("\n\n")] == ["gateway.yaml:3:1", "gateway.yaml:18:19"]


def test_tabs_and_wide_lines_keep_the_caret_under_the_word() -> None:
    _, line, caret = shown("\ta: b", Span("x.yaml", 1, 2, 1, 3))
    assert line[caret.index("^")] == "a"
    _, line, caret = shown("x" * 500 + "HERE" + "y" * 500, Span("x.yaml", 1, 501, 1, 505))
    assert line[caret.index("^") : caret.rindex("^") + 1] == "HERE"
    assert len(line) < 200


def test_a_place_behind_the_end_of_a_line_gets_one_caret() -> None:
    assert shown("a:", Span("x.yaml", 1, 3, 1, 3))[2] == "      |   ^"


def test_a_place_over_many_lines_is_underlined_to_the_end_of_its_first() -> None:
    assert shown("a: [1,\n 2]", Span("x.yaml", 1, 4, 2, 4))[2] == "      |    ^^^"


def test_a_secret_is_masked_in_its_own_problem_and_in_those_beside_it() -> None:
    source = {"x.yaml": Source("x.yaml", "key: abcdef, salt: 1", Path("."))}
    secret = Diagnostic(codes.CLEAR_SECRET, Span("x.yaml", 1, 6, 1, 12), "clear", masked=True)
    beside = Diagnostic(codes.UNKNOWN_FIELD, Span("x.yaml", 1, 14, 1, 18), "unknown")
    assert "abcdef" not in render_all([secret, beside], source)
    assert render_all([secret, beside], source).count("key: ******, salt: 1") == 2


def test_a_secret_over_many_lines_is_masked_on_each() -> None:
    source = {"x.yaml": Source("x.yaml", "key: abc\n  def\nsalt: 1", Path("."))}
    secret = Diagnostic(codes.CLEAR_SECRET, Span("x.yaml", 1, 6, 2, 6), "clear", masked=True)
    beside = Diagnostic(codes.UNKNOWN_FIELD, Span("x.yaml", 2, 3, 2, 6), "unknown")
    report = render_all([secret, beside], source)
    assert "abc" not in report
    assert "def" not in report


def test_a_file_that_is_not_shown_is_not_quoted() -> None:
    found = Diagnostic(codes.UNKNOWN_FIELD, Span("k.yaml", 1, 1, 1, 2), "wrong")
    assert render(found, {"k.yaml": Source("k.yaml", "hidden", Path("."), shown=False)}).count("\n") == 1


def test_nothing_in_a_policy_reaches_the_terminal_unescaped() -> None:
    assert escaped("a\x1b[31mb\u202ec\ud800 é") == "a\\x1b[31mb\\u202ec\\ud800 é"
    lines = shown("a\u202eb", Span("x.yaml", 1, 1, 1, 2), suggestion="\x1b]0;x\x07", note="\x9b")
    assert not any(character in "".join(lines) for character in "\u202e\x1b\x07\x9b")


def test_on_a_terminal_the_severity_and_the_caret_have_a_colour_and_nothing_else_has() -> None:
    found = Diagnostic(codes.UNLIMITED, Span("x.yaml", 1, 4, 1, 5), "wrong")
    sources = {"x.yaml": Source("x.yaml", "a: b", Path("."))}
    coloured = render(found, sources, colour=True)
    assert "  \x1b[1;33mwarning KG351\x1b[0m  wrong" in coloured
    assert "|    \x1b[1;33m^\x1b[0m" in coloured
    assert coloured.replace("\x1b[1;33m", "").replace("\x1b[0m", "") == render(found, sources)
