from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from kapagate.chain.secret import Secret
from kapagate.telemetry.logs import configure
from tests.exchanges import exchange


@pytest.fixture
def stream() -> Iterator[io.BytesIO]:
    """Where logs go while a test runs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.BytesIO()
    configure("info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


log = logging.getLogger("kapagate.some.room")


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_its_time_and_level(stream: io.BytesIO) -> None:
    log.warning("step %s failed", "rbac")
    (line,) = lines(stream)
    assert list(line)[:5] == ["timestamp", "level", "service", "logger", "message"]
    assert line["timestamp"][-5] == "."
    assert line["timestamp"].endswith("Z")
    assert line["level"] == "WARNING"
    assert line["service"] == "kapagate"
    assert line["message"] == "step rbac failed"


def test_what_is_about_an_exchange_says_which(stream: io.BytesIO) -> None:
    ex = exchange()
    ex.step = "rbac"
    log.error("failed", extra={"exchange": ex})
    (line,) = lines(stream)
    assert {name: line[name] for name in list(line)[5:]} == {
        "correlation_id": "corr-1",
        "user_id": "alice",
        "tenant_id": "acme",
        "endpoint": "/query/v1/projects/{project}/chat/",
        "duration_ms": 250.0,
        "decision": "0" * 32,
        "step": "rbac",
    }


def test_levels_below_the_configured_one_are_silent(stream: io.BytesIO) -> None:
    log.debug("never")
    assert lines(stream) == []


def test_foreign_libraries_are_formatted_the_same_way(stream: io.BytesIO) -> None:
    logging.getLogger("aiohttp.server").info("hello")
    assert lines(stream)[0]["logger"] == "aiohttp.server"


def test_extras_become_fields_within_bounds(stream: io.BytesIO) -> None:
    log.info("x", extra={"upstream": "kapa", "tries": 3, "odd": object, "long": "y" * 1000, "esc": "\x1b[2J"})
    (line,) = lines(stream)
    assert (line["upstream"], line["tries"], line["esc"]) == ("kapa", 3, "\\x1b[2J")
    assert len(line["long"]) == 257
    assert line["odd"] == "<class 'object'>"


def test_control_characters_and_length_of_a_message_are_tamed(stream: io.BytesIO) -> None:
    log.info('evil\n{"level": "INFO"}\u202e%s', "z" * 10_000)
    assert stream.getvalue().count(b"\n") == 1
    (line,) = lines(stream)
    assert line["message"].startswith('evil\\x0a{"level": "INFO"}\\u202e')
    assert len(line["message"]) < 4200


def test_a_traceback_is_one_field(stream: io.BytesIO) -> None:
    try:
        raise RuntimeError("no \x1b[31m")
    except RuntimeError:
        log.exception("broke")
    (line,) = lines(stream)
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("RuntimeError: no \\x1b[31m")
    assert stream.getvalue().count(b"\n") == 1


def test_secrets_show_their_reference_alone(stream: io.BytesIO) -> None:
    value = "-".join(["very", "secret"])
    log.info("key %s", Secret(value, "${env:KEY}"), extra={"key": Secret(value, "${env:KEY}")})
    assert value.encode() not in stream.getvalue()
    assert lines(stream)[0]["message"] == "key Secret(${env:KEY})"


def test_configuring_again_replaces_and_does_not_double(stream: io.BytesIO) -> None:
    again = io.BytesIO()
    configure("INFO", again)
    log.info("once")
    assert lines(stream) == []
    assert len(lines(again)) == 1


def test_rich_is_not_dragged_in(stream: io.BytesIO) -> None:
    assert "rich" not in sys.modules
