"""What was asked in a project and what came of it: threads, their questions and answers, reactions, end users.

Every project begins with a past, so that its lists have pages: made from its id alone, the same in every run. One of
the past questions quotes personal data, and so does what is made of it. Times go on from the past by a minute a turn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct, field

from kapagate.standin.corpus import CHUNKS
from kapagate.standin.specimens import SPECIMENS, quote_specimens

PAST = 7
_REMEMBERED = 10_000
_BEGINNING = datetime(2026, 3, 2, 9, tzinfo=UTC)


class EndUser(Struct):
    """Somebody whom `user` of a call named. The rest of what Kapa knows of people is null here."""

    id: str
    email: str | None = None
    unique_client_id: str | None = None
    company_name: str | None = None
    turns: list[Turn] = field(default_factory=list)


class Turn(Struct):
    """A question and its answer. `reactions`: the last reaction and comment of each who gave one."""

    id: str
    thread: Thread
    question: str
    answer: str
    created_at: str
    is_uncertain: bool
    end_user: EndUser | None = None
    reactions: dict[str, tuple[str, object]] = field(default_factory=dict)


class Thread(Struct):
    id: str
    project: str
    integration_id: str | None
    turns: list[Turn] = field(default_factory=list)


class History:
    """All projects' threads; the oldest are forgotten."""

    def __init__(self) -> None:
        self._threads: OrderedDict[str, Thread] = OrderedDict()
        self._turns: dict[str, Turn] = {}
        self._people: dict[tuple[str, str], EndUser] = {}
        self._begun: set[str] = set()
        self._minutes = 0

    def begin(self, project: str) -> list[Thread]:
        """Gives the project its past, once; the threads of it that are new."""
        if project in self._begun:
            return []
        self._begun.add(project)
        return [self._past(project, number) for number in range(PAST)]

    def add(
        self,
        project: str,
        thread: str,
        answer: str,
        said: tuple[str, str],
        *,
        is_uncertain: bool = False,
        integration: str | None = None,
        user: object = None,
    ) -> Turn:
        """Remembers a turn. `said`: question and answer; `user` is that of the call."""
        opened = self._threads.get(thread) or self._open(Thread(thread, project, integration))
        turn = Turn(answer, opened, *said, self._next(), is_uncertain, self._person(project, user))
        opened.turns.append(turn)
        self._turns[answer] = turn
        if turn.end_user is not None:
            turn.end_user.turns.append(turn)
        return turn

    def thread(self, thread: str) -> Thread | None:
        return self._threads.get(thread)

    def turn(self, answer: str) -> Turn | None:
        return self._turns.get(answer)

    def threads(self, project: str) -> list[Thread]:
        """A project's threads, the last active first."""
        found = [thread for thread in self._threads.values() if thread.project == project]
        return sorted(found, key=lambda thread: thread.turns[-1].created_at, reverse=True)

    def people(self, project: str) -> list[EndUser]:
        """A project's end users, in the order in which they came."""
        return [person for (within, _), person in self._people.items() if within == project]

    def turns(self, project: str) -> Iterator[Turn]:
        return (turn for thread in self.threads(project) for turn in thread.turns)

    def _past(self, project: str, number: int) -> Thread:
        chunk = CHUNKS[number % len(CHUNKS)]
        thread, answer = (made(project, f"{kind}/{number}") for kind in ("thread", "answer"))
        question = f"How does this work: {chunk.heading}?"
        if number == 1:
            question = f"{question} {quote_specimens()}"
        user = {"email": SPECIMENS["email"]} if number == 1 else {"unique_client_id": f"client-{number % 3}"}
        turn = self.add(project, thread, answer, (question, chunk.text), is_uncertain=number == 2, user=user)
        if number == 3:
            turn.reactions["client-0"] = ("downvote", {"issue": "This is out of date.", "incorrect": True})
        return turn.thread

    def _open(self, thread: Thread) -> Thread:
        self._threads[thread.id] = thread
        if len(self._threads) > _REMEMBERED:
            _, forgotten = self._threads.popitem(last=False)
            for turn in forgotten.turns:
                self._turns.pop(turn.id, None)
        return thread

    def _person(self, project: str, user: object) -> EndUser | None:
        """Kapa records a user only when there is an address or an id."""
        if not isinstance(user, dict):
            return None
        email, client, more = user.get("email"), user.get("unique_client_id"), user.get("metadata")
        name = email or client
        if not isinstance(name, str):
            return None
        company = more.get("company_name") if isinstance(more, dict) else None
        key = (project, name)
        if key not in self._people and len(self._people) < _REMEMBERED:
            self._people[key] = EndUser(made(project, f"user/{name}"), email, client, company)
        return self._people.get(key)

    def _next(self) -> str:
        self._minutes += 1
        return (_BEGINNING + timedelta(minutes=self._minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def made(project: str, what: str) -> str:
    """A UUID for something of a project, the same in every run."""
    return str(uuid5(NAMESPACE_URL, f"stand-in/{project}/{what}"))
