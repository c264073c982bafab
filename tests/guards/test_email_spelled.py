from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.email_spelled import EMAIL_SPELLED

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("write jane [at] example dot com now", "jane [at] example dot com"),
        ("jane at example dot com", "jane at example dot com"),
        ("jane(at)example.com", "jane(at)example.com"),
        ("j.doe [AT] mail [dot] example [dot] co.uk", "j.doe [AT] mail [dot] example [dot] co.uk"),
        ("jane at example [dot] com", "jane at example [dot] com"),
    ],
)
def test_finds_it_alone(found: Found, text: str, finding: str) -> None:
    assert found(EMAIL_SPELLED, text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "look at example dot com",
        "available at example.com",
        "we met at the dot com boom",
        "arr[at]",
        "f(at)",
        "at home dot",
        "only page on latency at one point in a stack",
        "it was slow at some point in time",
    ],
)
def test_leaves_what_only_looks_alike(found: Found, text: str) -> None:
    assert found(EMAIL_SPELLED, text) == []
