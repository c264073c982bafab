"""A condition holds when each of its keys has one that fits."""

from __future__ import annotations

import pytest

from kapagate.guards.disclaimers import Disclaim


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, True),
        ({"uncertain": True}, True),
        ({"role": ["admin", "viewer"]}, True),
        ({"role": ["admin"]}, False),
        ({"tenant": ["acme"], "language": ["de", "fr"]}, True),
        ({"tenant": ["acme"], "language": ["fr"]}, False),
        ({"tenant": ["globex"], "language": ["de"]}, False),
    ],
)
def test_keys_are_and_and_lists_are_or(condition: dict[str, object], expected: bool) -> None:
    assert Disclaim.model_validate(condition).is_for(("viewer", "editor"), "acme", "de") is expected
