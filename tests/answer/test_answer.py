from __future__ import annotations

from kapagate.answer.answer import Answer
from kapagate.answer.events import Failure, Identifiers, Other, Sources, Text, Uncertain


def test_keeps_what_rules_at_the_end_decide_on() -> None:
    answer = Answer()
    events = [Text("abc"), Sources([1]), Sources([2]), Uncertain(True), Uncertain(False), Other("x"), Text("d")]
    for event in [*events, Identifiers({"thread_id": "t"}), Failure("why")]:
        answer.tell(event)
    assert answer == Answer(4, [1, 2], True, {"thread_id": "t"}, "why")
