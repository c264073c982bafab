"""Results for people, for programs and for build servers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

import orjson

from kapagate.policy.report import escaped
from kapagate.policytest.coverage import Coverage
from kapagate.policytest.session import Failure, Result


def as_text(results: Sequence[Result]) -> str:
    """Every failure with what was expected and what came instead; nothing of good cases."""
    return "\n\n".join(_failed(result) for result in results if not result.ok)


def _failed(result: Result) -> str:
    lines = [f"FAILED {escaped(result.planned.name)}"]
    told = ""
    for each in result.failures:
        if each.story != told:
            lines += _story(told)
            told = each.story
        lines.append(f"  {escaped(str(each.span))}  {escaped(each.what)}")
        lines += [f"    expected {escaped(each.expected)}", f"    got      {escaped(each.got)}"]
    return "\n".join([*lines, *_story(told)])


def _story(story: str) -> list[str]:
    return [f"    | {escaped(line)}" for line in story.splitlines()]


def summary(results: Sequence[Result], seconds: float) -> str:
    """One line: how many, how they ended, how fast."""
    failed = sum(not result.ok for result in results)
    calls = sum(len(result.planned.calls) for result in results)
    ended = f"{failed} failed" if failed else "all passed"
    rate = f"{len(results) / seconds:,.0f} cases/s" if seconds > 0 else "at once"
    return f"{_counted(len(results), 'case')}, {_counted(calls, 'call')}: {ended} ({seconds:.3f} s, {rate})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def as_json(results: Sequence[Result], seconds: float, coverage: Coverage | None) -> str:
    """One object: `cases` with their failures, `passed`, `failed`, `seconds`, and `coverage` where it is asked for."""
    failed = sum(not result.ok for result in results)
    document: dict[str, Any] = {
        "passed": len(results) - failed,
        "failed": failed,
        "seconds": round(seconds, 6),
        "cases": [_told(result) for result in results],
    }
    if coverage is not None:
        steps = {
            step: {each: coverage.reached[step, each] for each in sorted(found)}
            for step, found in coverage.possible.items()
        }
        document["coverage"] = {"percent": round(coverage.percent, 2), "steps": steps}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _told(result: Result) -> dict[str, Any]:
    planned = result.planned
    return {
        "tests": planned.tests.name,
        "name": planned.case.name,
        "place": str(planned.place(0, ())),
        "passed": result.ok,
        "failures": [_failure(each) for each in result.failures],
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "place": str(failure.span),
        "what": failure.what,
        "expected": failure.expected,
        "got": failure.got,
        "story": failure.story.splitlines(),
    }


def as_junit(results: Sequence[Result], seconds: float) -> str:
    """The XML that build servers read: a suite per document of tests."""
    root = ElementTree.Element("testsuites", {"name": "kapagate test", "time": f"{seconds:.6f}"})
    for name, suite in _suites(results):
        failed = str(sum(not result.ok for result in suite))
        element = ElementTree.SubElement(
            root, "testsuite", {"name": name, "tests": str(len(suite)), "failures": failed, "errors": "0"}
        )
        for result in suite:
            span = result.planned.place(0, ())
            said = {"name": escaped(result.planned.case.name), "file": span.file, "line": str(span.line)}
            case = ElementTree.SubElement(element, "testcase", {"classname": name, **said})
            if not result.ok:
                first = result.failures[0]
                message = escaped(f"{first.what}: expected {first.expected}, got {first.got}")
                ElementTree.SubElement(case, "failure", {"message": message}).text = _failed(result)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _suites(results: Iterable[Result]) -> Iterable[tuple[str, list[Result]]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.planned.tests.name, []).append(result)
    return found.items()
