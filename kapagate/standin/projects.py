"""Who may ask what: projects with their keys, and the threads and answers that were opened under them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from uuid import NAMESPACE_URL, uuid5

from kapagate.standin.errors import bad_key, no_key, not_found
from kapagate.standin.history import History

DEFAULT_PROJECTS: Mapping[str, str] = MappingProxyType(
    {
        "11111111-1111-4111-8111-111111111111": "stand-in-key-one",
        "22222222-2222-4222-8222-222222222222": "stand-in-key-two",
    }
)
_REMEMBERED = 10_000


class Projects:
    """Ids are UUIDs made from `seed` and a counter, so a run repeats itself. The oldest are forgotten."""

    def __init__(self, keys: Mapping[str, str], seed: str) -> None:
        self._keys = dict(keys)
        self._seed = seed
        self._counter = count(1)
        self._threads: OrderedDict[str, str] = OrderedDict()
        self._answers: OrderedDict[str, str] = OrderedDict()
        self._history = History()

    def authenticate(self, key: str | None) -> str:
        """The key, when it is one of ours; raises KapaError (401)."""
        if not key:
            raise no_key()
        if key not in self._keys.values():
            raise bad_key()
        return key

    def key_of(self, project: str) -> str | None:
        return self._keys.get(project)

    def enter_project(self, key: str, project: str) -> str:
        """The project, when the key opens it; raises KapaError (404)."""
        if self._keys.get(project) != key:
            raise not_found()
        return project

    def enter_thread(self, key: str, thread: str) -> str:
        """The project of the thread, when the key opens it; raises KapaError (404)."""
        for project in () if thread in self._threads else self.opened_by(key):
            self.past(project)
        return self._enter(self._threads, key, thread)

    def open_thread(self, project: str) -> str:
        return self._open(self._threads, "thread", project)

    def open_answer(self, project: str) -> str:
        return self._open(self._answers, "answer", project)

    def opened_by(self, key: str) -> list[str]:
        """The projects that a key opens."""
        return [project for project, opens in self._keys.items() if opens == key]

    def past(self, project: str) -> History:
        """What was asked, the project's past among it."""
        for thread in self._history.begin(project):
            _remember(self._threads, thread.id, project)
            for turn in thread.turns:
                _remember(self._answers, turn.id, project)
        return self._history

    def react(self, key: str, answer: str, subject: str, reaction: str, comment: object = None) -> dict[str, int]:
        """Stores one reaction per answer and subject, the last; raises KapaError (404) for an answer out of reach."""
        project = self._enter(self._answers, key, answer)
        turn = self.past(project).turn(answer)
        if turn is None:
            raise not_found()
        turn.reactions[subject] = (reaction, comment)
        given = [each for each, _ in turn.reactions.values()]
        return {"total_upvotes": given.count("upvote"), "total_downvotes": given.count("downvote")}

    def _open(self, opened: OrderedDict[str, str], kind: str, project: str) -> str:
        made = str(uuid5(NAMESPACE_URL, f"{self._seed}/{kind}/{next(self._counter)}"))
        _remember(opened, made, project)
        return made

    def _enter(self, opened: OrderedDict[str, str], key: str, name: str) -> str:
        project = opened.get(name)
        if project is None:
            raise not_found()
        return self.enter_project(key, project)


def _remember(kept: OrderedDict[str, str], key: str, value: str) -> None:
    kept[key] = value
    if len(kept) > _REMEMBERED:
        kept.popitem(last=False)
