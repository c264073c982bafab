import asyncio

import pytest

from bench.cancels import Board, Moody, at, left_behind


def test_times_are_of_clients_whose_request_had_come() -> None:
    board = Board()
    board.asked = {1, 2, 3}
    board.left = {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
    board.ended = {1: 1.5, 2: 1.9}
    assert board.seconds() == [0.0, 0.5]
    assert board.open == {3}


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_share_of_the_values_is_at_most_this(share: float, value: int) -> None:
    assert at(range(1, 101), share) == value


def test_what_is_left_behind_is_what_there_is_more_of() -> None:
    assert left_behind({"tasks": 3, "Exchange": 1}, {"tasks": 3, "Exchange": 2, "Reply": 1}) == {
        "Exchange": 1,
        "Reply": 1,
    }


class Written(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += data


def test_the_upstream_is_silent_or_says_its_head_alone_by_the_number() -> None:
    for number, says in ((4, False), (5, True)):
        board, transport = Board(), Written()
        upstream = Moody(board)
        upstream.connection_made(transport)
        for byte in b'POST / HTTP/1.1\r\n\r\n{"query":"cancel number %d."}' % number:
            upstream.data_received(bytes([byte]))
        assert (board.asked, bool(transport.data)) == ({number}, says)
        upstream.connection_lost(None)
        assert not board.open
