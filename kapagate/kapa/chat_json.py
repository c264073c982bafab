"""Kapa's chat answer as one JSON object: the same events as its stream, in the order of the keys.

{"answer", "thread_id", "question_answer_id", "is_uncertain", "relevant_sources": [...]}
"""

from __future__ import annotations

from typing import Any

from kapagate.answer.codec import Garbled
from kapagate.answer.events import Event, Identifiers, Other, Place, Sources, Text, Uncertain
from kapagate.answer.json_body import JsonBody
from kapagate.answer.places import places_in
from kapagate.kapa.texts import NAMES, SOURCE_KINDS, UNTOUCHED

_IDENTIFIERS = ("thread_id", "question_answer_id")


class ChatJsonCodec(JsonBody):
    """Keys that we do not know, or whose value has another shape, are an `Other`: an object of those keys.

    A value without a text under `answer` is one `Other` as a whole; a number there, which clients would print, is
    refused. A rule that drops the sources leaves an empty
    list; what else is dropped leaves with its key.
    """

    def __init__(self) -> None:
        super().__init__(_places)
        self._order: tuple[str, ...] = ()

    def events_of(self, value: Any) -> list[Event]:
        if not isinstance(value, dict) or not isinstance(said := value.get("answer"), str):
            if isinstance(value, dict) and isinstance(said, int | float):
                raise Garbled("the answer is a number")
            return super().events_of(value)
        self._order = tuple(value)
        known = 1
        events: list[Event] = [Text(said)]
        if isinstance(sources := value.get("relevant_sources"), list):
            known += 1
            events.append(Sources(sources, places_in(sources, SOURCE_KINDS, UNTOUCHED, names=NAMES)))
        if isinstance(uncertain := value.get("is_uncertain"), bool):
            known += 1
            events.append(Uncertain(uncertain))
        if identifiers := {key: each for key in _IDENTIFIERS if isinstance(each := value.get(key), str)}:
            known += len(identifiers)
            events.append(Identifiers(identifiers, places_in(identifiers)))
        if known < len(value):
            taken = {"answer"}.union(*map(_members, events))
            others = {key: each for key, each in value.items() if key not in taken}
            events.append(Other(others, _places(others)))
        return events

    def value_of(self, events: list[Event]) -> Any:
        if not self._order:
            return super().value_of(events)
        answer: dict[str, Any] = {"answer": "".join(event.text for event in events if isinstance(event, Text))}
        if "relevant_sources" in self._order:
            answer["relevant_sources"] = []
        for event in events:
            answer.update(_members(event))
        return {key: answer[key] for key in (*self._order, *answer) if key in answer}


def _places(value: Any) -> tuple[Place, ...]:
    return places_in(value, names=NAMES)


def _members(event: Event) -> dict[str, Any]:
    match event:
        case Sources(value=sources):
            return {"relevant_sources": sources}
        case Uncertain(value=uncertain):
            return {"is_uncertain": uncertain}
        case Identifiers(value=members) | Other(value=members):
            return dict(members)
    return {}
