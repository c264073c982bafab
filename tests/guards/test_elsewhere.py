"""A detector in another process: it has no place in the window, which never waits, and one where a chain may wait.

A rule for the end of an answer asks it about the text that another rule of the same step has read. (A question is asked
about in `on_request`, which may wait as well.)
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from kapagate.answer.answer import Answer
from kapagate.answer.events import Event, Text, TextKind
from kapagate.answer.refusal import Withheld
from kapagate.answer.rules import AnswerRules, Edit
from tests.answer.toys import pumped

ELSEWHERE = "import sys; sys.exit('Falcon' in sys.stdin.read())"


@dataclass
class Elsewhere:
    """The rules of one answer: what they have read is asked of a process when it ends."""

    read: list[str] = field(default_factory=list)
    kinds: frozenset[TextKind] = frozenset({"answer"})
    reach: int = 0
    context: int = 0

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        self.read.append(text[start:])
        return (), len(text)

    async def end(self, answer: Answer) -> Sequence[Event]:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ELSEWHERE, stdin=asyncio.subprocess.PIPE)
        await process.communicate("".join(self.read).encode())
        if process.returncode:
            raise Withheld("not to be said", "elsewhere")
        return ()

    def rules(self) -> AnswerRules:
        return AnswerRules("elsewhere", texts=(self,), end=self.end)


class Words:
    """An answer of words alone, in UTF-8."""

    dropped = 0
    whole = True

    def decode(self, chunk: bytes) -> Iterable[Event]:
        return (Text(chunk.decode()),)

    def end(self) -> Iterable[Event]:
        return ()

    def encode(self, events: Iterable[Event]) -> bytes:
        return "".join(event.text for event in events if isinstance(event, Text)).encode()

    def finish(self, events: Iterable[Event]) -> bytes:
        return self.encode(events)

    def failure(self, reason: str) -> bytes | None:
        return None


async def test_an_answer_that_it_allows_is_said() -> None:
    pieces = await pumped([b"All about ", b"sparrows."], Words(), [Elsewhere().rules()], hold=True)
    assert b"".join(pieces) == b"All about sparrows."


@pytest.mark.parametrize("cut", [1, 12, 14])
async def test_an_answer_that_it_refuses_is_withheld_however_it_was_cut(cut: int) -> None:
    text = b"All about Falcon."
    said = b"".join(await pumped([text[:cut], text[cut:]], Words(), [Elsewhere().rules()], hold=True))
    assert said == b"not to be said"
