"""What acceptance tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def lent(root_logger: None) -> None:
    """Here every test runs a gateway in this process, or might."""
