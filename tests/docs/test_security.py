from __future__ import annotations

import ast
import re

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "SECURITY.md").read_text()
_HELD_BY = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def promises() -> list[str]:
    section = PAGE.partition("## What is promised today")[2].partition("\n## ")[0]
    return [promise.partition("\n\n")[0] for promise in section.split("\n- ")[1:]]


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise[:40])
def test_every_promise_names_the_tests_that_hold_it(promise: str) -> None:
    assert _HELD_BY.findall(promise)


@pytest.mark.parametrize(("file", "name"), _HELD_BY.findall(PAGE))
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
