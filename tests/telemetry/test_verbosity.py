"""How much the log tells."""

from __future__ import annotations

import io
import logging

import pytest

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Problem
from kapagate.telemetry.verbosity import SILENT, Sampled, Verbosity
from tests.exchanges import exchange


@pytest.mark.parametrize(("level", "lines"), [("debug", True), ("info", True), ("warning", False), ("error", False)])
def test_lines_of_exchanges_are_of_level_info(level: str, lines: bool) -> None:
    verbosity = Verbosity(io.BytesIO())
    verbosity.become(level, 1.0)
    assert (verbosity.finished is not None) is lines
    verbosity.become("info", 1.0)
    assert verbosity.finished is not None


def test_the_level_follows_the_policy_unless_the_command_line_says_one() -> None:
    root = logging.Logger("root")
    Verbosity(io.BytesIO(), None, root).become("warning", 1.0)
    assert root.level == logging.WARNING
    Verbosity(io.BytesIO(), "debug", root).become("warning", 1.0)
    assert root.level == logging.DEBUG


def test_without_a_stream_nothing_is_told() -> None:
    SILENT.become("debug", 1.0)
    SILENT.flush()
    assert SILENT.finished is None


@pytest.mark.parametrize(("share", "told"), [(0.0, 0), (0.25, 25), (0.3, 30), (1.0, 100)])
def test_a_share_of_what_was_answered_has_lines(share: float, told: int) -> None:
    found: list[Exchange] = []
    sampled = Sampled(found.append, share)
    for _ in range(100):
        sampled(exchange())
    assert abs(len(found) - told) <= 1


def test_what_was_refused_always_has_its_line() -> None:
    found: list[Exchange] = []
    Sampled(found.append, 0.0)(exchange(status=403, refusal=Problem(problems.FORBIDDEN, "not you")))
    assert len(found) == 1


def test_without_sampling_nothing_stands_between() -> None:
    stream = io.BytesIO()
    verbosity = Verbosity(stream)
    before = verbosity.finished
    verbosity.become("info", 1.0)
    assert verbosity.finished is before
    assert before is not None
    verbosity.become("info", 0.5)
    assert isinstance(verbosity.finished, Sampled)
