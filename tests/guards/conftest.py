"""Texts through detectors and rules, for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.fold import fold


def findings(detector: Detector, text: str) -> list[str]:
    return [text[start:end] for start, end in detector.find(fold(text), 0, len(text))]


@pytest.fixture
def found() -> Callable[[Detector, str], list[str]]:
    """What a detector finds in a whole text."""
    return findings
