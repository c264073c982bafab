from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.credentials import CREDENTIALS
from kapagate.guards.detector import Detector

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("postgres://admin:" + "s3cr3tpw@db.internal/x", "admin:s3cr3tpw"),
        ("see redis://:" + "Gf7hJk2@cache:6379", ":Gf7hJk2"),
    ],
)
def test_finds_it_alone(found: Found, text: str, finding: str) -> None:
    assert found(CREDENTIALS, text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "http://host:8080/path@x",
        "postgres://user:password@localhost/db",
        "mysql://root:$PASSWORD@db",
        "https://<user>:<pass>@host",
        "https://user@host/",
        "https://host/a:b@c",
    ],
)
def test_leaves_what_only_looks_alike(found: Found, text: str) -> None:
    assert found(CREDENTIALS, text) == []
