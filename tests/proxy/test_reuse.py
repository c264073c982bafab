from __future__ import annotations

from itertools import product

import pytest

from kapagate.proxy.framing import CHUNKED, CLOSE, LENGTH, NONE, Framing
from kapagate.proxy.reuse import goes_back, stays_open


@pytest.mark.parametrize(
    ("complete", "sent_whole", "surplus", "keep_alive", "framing"),
    list(product([True, False], [True, False], [True, False], [True, False], [NONE, LENGTH, CHUNKED, CLOSE])),
)
def test_a_connection_goes_back_only_without_any_doubt(
    complete: bool, sent_whole: bool, surplus: bool, keep_alive: bool, framing: Framing
) -> None:
    back = goes_back(complete=complete, sent_whole=sent_whole, surplus=surplus, keep_alive=keep_alive, framing=framing)
    assert back is ((complete, sent_whole, surplus, keep_alive) == (True, True, False, True) and framing is not CLOSE)


@pytest.mark.parametrize(
    ("asked", "framing", "draining", "expecting", "left"),
    list(product([True, False], [LENGTH, CHUNKED, CLOSE], [True, False], [True, False], [0, 100, None])),
)
def test_a_client_keeps_its_connection_only_if_the_next_message_can_be_found(
    asked: bool, framing: Framing, draining: bool, expecting: bool, left: int | None
) -> None:
    stays = stays_open(asked=asked, framing=framing, draining=draining, expecting=expecting, left=left)
    assert stays is (asked and not draining and not expecting and left is not None and framing is not CLOSE)
