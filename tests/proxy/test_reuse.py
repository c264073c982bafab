from __future__ import annotations

from itertools import product

import pytest

from kapagate.proxy.framing import CHUNKED, CLOSE, LENGTH, NONE, Framing
from kapagate.proxy.reuse import goes_back, idles_for, stays_open


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


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        *((b"timeout=5", 4.0), (b"timeout=5, max=100", 4.0), (b"max=100, Timeout = 5", 4.0), (b"timeout=2", 1.0)),
        *((b"timeout=1", 0.5), (b"timeout=0", 0.0), (b"timeout=75", 15.0), (b"timeout=999999999999", 15.0)),
        *((b"", 15.0), (b"timeout", 15.0), (b"timeout=x", 15.0), (b"timeout=-5", 15.0), (b"max=5", 15.0)),
    ],
)
def test_an_idle_connection_ends_before_its_upstream_closes_it(said: bytes, seconds: float) -> None:
    assert idles_for([(b"Content-Length", b"2"), (b"keep-ALIVE", said)], 15.0) == seconds


def test_an_idle_connection_ends_by_the_shortest_time_that_was_said() -> None:
    assert idles_for([(b"Keep-Alive", b"timeout=9"), (b"Keep-Alive", b"timeout=3")], 15.0) == 2.0
    assert idles_for([], 15.0) == 15.0
