"""Kapa's chat answer as one JSON object: the same events as its stream, in the order of the keys.

{"answer", "thread_id", "question_answer_id", "is_uncertain", "relevant_sources": [...]}
"""

from __future__ import annotations

from typing import Any

from kapagate.answer.events import Event, Identifiers, Other, Sources, Text, Uncertain
from kapagate.answer.json_body import JsonBody
from kapagate.answer.places import places_in
from kapagate.kapa.texts import SOURCE_KINDS, UNTOUCHED

_IDENTIFIERS = ("thread_id", "question_answer_id")


class ChatJsonCodec(JsonBody):
    """Keys that we do not know, or whose value has another shape, are an `Other`: an object of those keys.

    A value without a text under `answer` is one `Other` as a whole. A rule that drops the sources leaves an empty
    list; what else is dropped leaves with its key.
    """

    def __init__(self) -> None:
        super().__init__(places_in)
        self._order: tuple[str, ...] = ()

    def events_of(self, value: Any) -> list[Event]:
        if not isinstance(value, dict) or not isinstance(value.get("answer"), str):
            return super().events_of(value)
        self._order = tuple(value)
        known = 1
        events: list[Event] = [Text(value["answer"])]
        if isinstance(sources := value.get("relevant_sources"), list):
            known += 1
            events.append(Sources(sources, places_in(sources, SOURCE_KINDS, UNTOUCHED)))
        if isinstance(uncertain := value.get("is_uncertain"), bool):
            known += 1
            events.append(Uncertain(uncertain))
        if identifiers := {key: each for key in _IDENTIFIERS if isinstance(each := value.get(key), str)}:
            known += len(identifiers)
            events.append(Identifiers(identifiers, places_in(identifiers)))
        if known < len(value):
            taken = {"answer"}.union(*map(_members, events))
            others = {key: each for key, each in value.items() if key not in taken}
            events.append(Other(others, places_in(others)))
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


def _members(event: Event) -> dict[str, Any]:
    match event:
        case Sources(value=sources):
            return {"relevant_sources": sources}
        case Uncertain(value=uncertain):
            return {"is_uncertain": uncertain}
        case Identifiers(value=members) | Other(value=members):
            return dict(members)
    return {}
