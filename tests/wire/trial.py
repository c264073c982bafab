"""One case, sent once, cut in one way: what happened, and where that is not what the case demands.

Behind every case comes a probe: an ordinary request, on the same connection where that should stay open, else on a new
one. When it has arrived, whatever the case had let through would have arrived before it; and on the same connection it
shows that the next request is read from its own first byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.wire.case import Answered, Arrived, Case
from tests.wire.client import Client, connected
from tests.wire.message import Ambiguous, Message
from tests.wire.recorder import PROBE, Recorder

Cut = Callable[[bytes], list[bytes]]

_PROBE = PROBE.encode() + b" HTTP/1.1\r\nHost: gateway.example\r\n\r\n"
_CONNECTION = re.compile(rb"^connection[ \t]*:(.*)$", re.MULTILINE | re.IGNORECASE)
_OURS = frozenset(
    b"host content-length transfer-encoding via x-correlation-id x-forwarded-for x-forwarded-proto".split()
)
_NEVER = b"connection keep-alive proxy-connection te trailer upgrade http2-settings expect proxy-authorization".split()


@dataclass
class Observed:
    """What came of it. `then`: as in a case, or how else it ended."""

    answers: list[Message] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    arrived: list[Message] = field(default_factory=list)
    then: str = ""
    unfinished: bool = False
    ambiguous: str = ""


async def observe(case: Case, address: tuple[str, int], recorder: Recorder, cut: Cut) -> Observed:
    recorder.forget()
    recorder.instead = case.upstream
    seen = Observed()
    async with connected(address) as client:
        try:
            await _converse(case, client, cut, seen)
        except TimeoutError:
            seen.then = "silent" if len(seen.answers) < len(case.answers) else "open"
        except Ambiguous as cause:
            seen.ambiguous = f"an answer: {cause}"
        seen.unfinished = recorder.unfinished > 0
        if seen.then != "open":
            await _probe(address, seen)
    seen.arrived = [message for message in recorder.requests if message.line != PROBE]
    seen.ambiguous = seen.ambiguous or recorder.fault
    return seen


async def _converse(case: Case, client: Client, cut: Cut, seen: Observed) -> None:
    await client.send(cut(case.bytes))
    if case.awaiting:
        interim = await client.answer()
        seen.interim.append(interim.status if interim else 0)
        await client.send(cut(case.awaiting))
    for expected in case.answers:
        answer = await _final(client, expected.to_head, seen)
        if answer is None:
            seen.then = "closed"
            return
        seen.answers.append(answer)
    seen.then = await _ENDINGS[case.then](client)


async def _final(client: Client, to_head: bool, seen: Observed) -> Message | None:
    while (answer := await client.answer(to_head)) is not None and answer.status < 200:
        seen.interim.append(answer.status)
    return answer


async def _open(client: Client) -> str:
    await client.send([_PROBE])
    return "open" if _is_probed(await client.answer()) else "closed, or out of step"


async def _closed(client: Client) -> str:
    return "closed" if not await client.rest() else "closed after more than was asked for"


async def _silent(client: Client) -> str:
    client.finish()
    return "silent" if not await client.rest() else "answered"


_ENDINGS = {"open": _open, "closed": _closed, "silent": _silent}


async def _probe(address: tuple[str, int], seen: Observed) -> None:
    """The gateway serves others as before."""
    async with connected(address) as other:
        try:
            seen.then += "" if await _open(other) == "open" else ", and others are not served any more"
        except TimeoutError:
            seen.then += ", and others wait for ever"


def _is_probed(answer: Message | None) -> bool:
    return answer is not None and answer.status == 200 and answer.body == PROBE.encode()


def faults(case: Case, seen: Observed) -> list[str]:
    """Where what was observed is not what the case demands."""
    found = [seen.ambiguous] if seen.ambiguous else []
    if seen.then != case.then:
        found.append(f"the connection is {seen.then}, not {case.then}")
    if seen.unfinished and not case.unfinished:
        found.append("a part of a request reached the upstream")
    if bool(case.awaiting) != (100 in seen.interim) and not case.interim:
        found.append(f"interim answers: {seen.interim}")
    if len(seen.answers) != len(case.answers) or len(seen.arrived) != len(case.arrives):
        lines = [message.line for message in seen.arrived]
        found.append(f"{[a.status for a in seen.answers]} was answered, {lines} arrived")
    else:
        for answer, answered in zip(seen.answers, case.answers, strict=True):
            found += _answer_faults(answer, answered)
        for message, arrived in zip(seen.arrived, case.arrives, strict=True):
            found += _arrival_faults(case, message, arrived)
        found += _order_faults(case, seen)
    return found


def _answer_faults(answer: Message, expected: Answered) -> list[str]:
    found = _field_faults(answer, expected)
    if answer.status != expected.status:
        found.append(f"{answer.status} was answered, not {expected.status}: {answer.body[:200]!r}")
    if expected.kind and b'/problems/%b"' % expected.kind.encode() not in answer.body:
        found.append(f"not refused as {expected.kind}: {answer.body[:200]!r}")
    if expected.body is not None and answer.body != expected.body:
        found.append(f"the answer's body is {answer.body[:200]!r}")
    return found


def _arrival_faults(case: Case, message: Message, expected: Arrived) -> list[str]:
    found = _field_faults(message, expected)
    if message.line != expected.line:
        found.append(f"{message.line} arrived, not {expected.line}")
    if message.body != expected.body:
        found.append(f"the body that arrived is {message.body[:200]!r}")
    ours_alone = [*_NEVER, *_nominated(case.bytes)]
    return found + [f"{name!r} reached the upstream" for name in ours_alone if message.all(name.decode("latin-1"))]


def _nominated(sent: bytes) -> set[bytes]:
    """What `Connection` names anywhere in a case."""
    names = {name.strip(b" \t\r").lower() for line in _CONNECTION.findall(sent) for name in line.split(b",")}
    return names - _OURS


def _field_faults(message: Message, expected: Answered | Arrived) -> list[str]:
    found = [f"{name}: {message.all(name)}" for name, values in expected.has.items() if message.all(name) != values]
    return found + [f"{name} is there: {message.all(name)}" for name in expected.lacks if message.all(name)]


def _order_faults(case: Case, seen: Observed) -> list[str]:
    """Each answer of the recorder repeats what it answers."""
    said = [answer.body.decode("latin-1") for answer in seen.answers if answer.status == 200 and answer.body]
    lines = [message.line for message in seen.arrived if not message.line.startswith("HEAD ")]
    return [] if case.upstream or said == lines else [f"{said} was answered to {lines}"]
