from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.mac import MAC

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E"),
        ("at 00-1a-2b-3c-4d-5e.", "00-1a-2b-3c-4d-5e"),
        ("001A.2B3C.4D5E", "001A.2B3C.4D5E"),
        ("mac:00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E"),
        ("dev-00-1a-2b-3c-4d-5e up", "00-1a-2b-3c-4d-5e"),
        ("ether 08:00:27:4e:66:a1  txqueuelen 1000", "08:00:27:4e:66:a1"),
    ],
)
def test_finds_it_alone(found: Found, text: str, finding: str) -> None:
    assert found(MAC, text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "00:1A:2B:3C:4D",
        "00:1A:2B:3C:4D:5E:6F",
        "a1:b2:c3:d4:e5:f6:07:18:29:3a:4b:5c:6d:7e:8f:90",
        "12-34-56-78-9a-bc-de-f0",
        "10:30:45",
        "1234.5678.9012",
        "x00:1A:2B:3C:4D:5E",
    ],
)
def test_leaves_what_only_looks_alike(found: Found, text: str) -> None:
    assert found(MAC, text) == []
