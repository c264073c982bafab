"""How thorough the corpus is run: `WIRE=full` cuts at every place and runs on both loops; else a sample."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network

import pytest
import uvloop

from tests.wire import cuts
from tests.wire.case import Case
from tests.wire.gateway import serving
from tests.wire.recorder import Recorder, recording
from tests.wire.trial import Cut, faults, observe

FULL = os.environ.get("WIRE") == "full"
_LONG = 4096


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop, **({"asyncio": asyncio.new_event_loop} if FULL else {})}


@dataclass
class Stage:
    """The gateway between client and recorder. `behind`: it trusts loopback to say who asks."""

    address: tuple[str, int]
    behind: tuple[str, int]
    recorder: Recorder

    async def faults(self, case: Case) -> list[str]:
        """What is wrong, of the first way to cut it that something is wrong with."""
        for how, cut in _ways(case):
            seen = await observe(case, self.behind if case.trusted else self.address, self.recorder, cut)
            if found := faults(case, seen):
                return [f"sent {how}", *found]
        return []


def _ways(case: Case) -> Iterable[tuple[str, Cut]]:
    yield "whole", cuts.whole
    yield "byte by byte", cuts.byte_by_byte
    for number in range(10 if FULL else 1):
        yield f"cut at random ({number})", lambda data, number=number: cuts.at_random(data, f"{case.name}/{number}")
    if FULL and len(case.bytes) <= _LONG:
        for place in range(1, len(case.bytes)):
            yield f"cut at {place}", lambda data, place=place: [data[:place], data[place:]]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with (
        recording() as recorder,
        serving(recorder.port) as listener,
        serving(recorder.port, (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))) as behind,
    ):
        yield Stage(listener.address, behind.address, recorder)
