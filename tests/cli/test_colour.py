"""Colours are for terminals whose readers want them."""

from __future__ import annotations

import io

import pytest

from kapagate.cli.colour import is_coloured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_has_colours_and_a_pipe_has_none() -> None:
    assert is_coloured(Terminal())
    assert not is_coloured(io.StringIO())


def test_no_color_is_heeded_unless_it_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert is_coloured(Terminal())
    monkeypatch.setenv("NO_COLOR", "0")
    assert not is_coloured(Terminal())


def test_a_dumb_terminal_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not is_coloured(Terminal())
