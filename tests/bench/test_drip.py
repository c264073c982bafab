from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from bench.drip import _drop, p99


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    drip, gateway = socket.socketpair()
    drip.setblocking(False)
    with drip, gateway:
        yield drip, gateway


def test_a_drip_goes_on_while_nobody_says_anything(pair: tuple[socket.socket, socket.socket]) -> None:
    drip, gateway = pair
    assert _drop(drip, b" ")
    assert gateway.recv(10) == b" "


def test_a_drip_ends_with_an_answer(pair: tuple[socket.socket, socket.socket]) -> None:
    drip, gateway = pair
    gateway.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert not _drop(drip, b" ")


def test_a_drip_ends_with_its_connection(pair: tuple[socket.socket, socket.socket]) -> None:
    drip, gateway = pair
    gateway.close()
    assert not _drop(drip, b" ")


def test_a_hundredth_is_slower_than_the_p99() -> None:
    assert p99([*range(1000)]) == 990
