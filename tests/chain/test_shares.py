from __future__ import annotations

import pytest

from kapagate.chain.problem import Problem
from kapagate.chain.shares import Shares


def test_a_tenant_above_its_share_is_told_when_to_come_back() -> None:
    shares = Shares(2)
    shares.take("acme")
    shares.take("acme")
    with pytest.raises(Problem, match="unavailable") as caught:
        shares.take("acme")
    assert caught.value.retry_after == 1
    assert shares.take("globex") == "globex"


def test_what_is_given_back_can_be_taken_again() -> None:
    shares = Shares(1)
    for _ in range(3):
        shares.give_back(shares.take("acme"))
    assert len(shares) == 0
