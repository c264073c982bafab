"""Requests that nobody thought of: pipelined ones, changed at random where lines, fields and chunks begin and end.

Whatever they are, they are read in one way however they are cut, and where a strict second reader reads them at all, it
reads the same. `make test-wire-full` tries fifty times as many.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from kapagate.chain.problem import Problem
from kapagate.proxy import acceptance
from kapagate.proxy.bounds import Limits
from kapagate.proxy.intake import Intake
from tests.wire.conftest import FULL
from tests.wire.message import Ambiguous, read_request

TIMES = 50_000 if FULL else 1000
HIDDEN = b"GET /a/hidden HTTP/1.1\r\nHost: a\r\n\r\n"
WORDS = [
    *(b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b"\0", b":", b";", b",", b'"', b"\x0b", b"\x85", b"\xff", b"_"),
    *(b"0", b"00", b"+", b"-", b"0x", b"5", b"chunked", b"identity", b"HTTP/1.0", b"HTTP/1.1", b"http://a", b"#", b"?"),
    *(b"Transfer-Encoding: chunked\r\n", b"transfer-encoding:chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length"),
    *(
        b"Content-Length: 0\r\n",
        b"0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"Connection: close\r\n",
        b"Connection: keep-alive\r\n",
    ),
    *(b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b"Host: a\r\n", b"Host: b\r\n", b"GET "),
    *(b";a=b", b';a="', b" A: b\r\n", b"Trailer: A\r\n", b"CONNECT ", b"OPTIONS * ", b"..", b"//", b"\\", HIDDEN),
]
Read = tuple[bytes, bytes]


class Reading:
    """What is let in of one connection's bytes: lines and bodies, until something ends it."""

    connected = True

    def __init__(self) -> None:
        self.requests: list[Read] = []
        self._over = False
        self._last = False
        self._line = b""
        self._intake = Intake(self, self, Limits(), asyncio.get_running_loop())  # type: ignore[arg-type]  # as far as it is used

    def of(self, pieces: list[bytes]) -> list[Read]:
        for piece in pieces:
            if self._over:
                break
            self._intake.feed(piece)
            while not self._over and (reader := self._intake.reader) is not None and reader.is_eof():
                self.requests.append((self._line, reader.read_nowait(-1)))
                self._over = self._last
                if not self._over:
                    self._intake.follow()
        return self.requests

    def begin(self, message: acceptance.RawRequestMessage, reader: asyncio.StreamReader) -> None:
        try:
            acceptance.check(message, Limits().fields)
            self._line = b"%b %b" % (message.method.encode(), acceptance.target_of(message))
        except Problem:
            self._over = True
        self._last = bool(message.should_close or message.upgrade)

    def refuse(self, problem: Problem) -> None:
        self._over = True

    spoil = refuse

    def head_began(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def is_closing(self) -> bool:
        return False


def strictly(data: bytes) -> tuple[list[Read], bool]:
    """What a strict reader reads, and whether it read on to the end."""
    requests: list[Read] = []
    try:
        while found := read_request(data):
            requests.append((found[0].line.encode(), found[0].body))
            data = data[found[1] :]
    except Ambiguous:
        return requests, False
    return requests, True


def plain(chance: random.Random, number: int) -> bytes:
    head = b"%b /a/%d HTTP/1.1\r\nHost: a\r\n" % (chance.choice((b"GET", b"POST", b"HEAD", b"OPTIONS")), number)
    match chance.randrange(3):
        case 0:
            return head + b"\r\n"
        case 1:
            return head + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
    chunks = [b"%x\r\n%b\r\n" % (len(each), each) for each in (HIDDEN[:9], HIDDEN[9:]) if each]
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n"


def changed(chance: random.Random, data: bytes) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        ends = [at for at in range(len(data)) if data[at] in b"\r\n:"] or [0]
        at = min(len(data), max(0, chance.choice(ends) + chance.randrange(-1, 3)))
        at = at if chance.random() < 0.5 else chance.randrange(len(data) + 1)
        word = chance.choice(WORDS)
        data = data[:at] + chance.choice((word, word, b"")) + data[at + chance.choice((0, 1, 2, len(word))) :]
    return data


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((1, 4, 40))))
    return [piece for start, end in zip([0, *places], [*places, len(data)], strict=True) if (piece := data[start:end])]


@pytest.mark.parametrize("seed", range(4))
async def test_one_reading_of_whatever_is_sent(seed: int) -> None:
    chance = random.Random(seed)
    agreed = read = 0
    for _ in range(TIMES):
        data = changed(chance, b"".join(plain(chance, number) for number in range(chance.randrange(1, 4))))
        ours = Reading().of([data])
        assert Reading().of(cut(chance, data)) == ours, data
        theirs, whole = strictly(data)
        assert ours[: len(theirs)] == theirs[: len(ours)], data
        assert not whole or len(ours) <= len(theirs), data
        read += whole and theirs != []
        agreed += whole and theirs != [] and ours == theirs
    assert agreed > 0.75 * read > TIMES / 20, (agreed, read)
