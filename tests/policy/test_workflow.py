"""Problems as notes in a workflow of GitHub."""

from __future__ import annotations

from kapagate.policy import codes
from kapagate.policy.finding import Diagnostic
from kapagate.policy.position import Span
from kapagate.policy.workflow import workflow_commands


def test_a_problem_is_a_command_with_its_place() -> None:
    found = Diagnostic(codes.UNKNOWN_FIELD, Span("a.yaml", 3, 1, 3, 5), 'unknown field "nmae"', "name")
    assert workflow_commands([found]) == (
        "::error file=a.yaml,line=3,endLine=3,col=1,endColumn=5,title=KG214 A field is unknown::"
        'unknown field "nmae"; did you mean "name"? (see docs/errors.md#kg214-a-field-is-unknown)'
    )


def test_what_a_file_says_cannot_make_another_command() -> None:
    found = Diagnostic(codes.UNLIMITED, Span("a,b:c.yaml"), "50%\n::set-output name=x::y")
    line = workflow_commands([found])
    assert "\n" not in line
    assert line.startswith("::warning file=a%2Cb%3Ac.yaml,")
    assert "50%25%0A::set-output" in line


def test_there_is_a_line_for_each_problem() -> None:
    found = Diagnostic(codes.EMPTY, Span("a.yaml"), "holds no document")
    assert workflow_commands([found, found]).count("\n") == 1
    assert workflow_commands([]) == ""
