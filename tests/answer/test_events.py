from __future__ import annotations

from kapagate.answer.events import Other, Place, Sources


def test_a_record_with_another_value_keeps_its_kind_places_and_envelope() -> None:
    record = Sources([1], (Place((0,), "title"),), {"n": 1})
    changed = record.with_value([2])
    assert changed == Sources([2], record.places, record.envelope)
    assert record.value == [1]


def test_records_of_different_kinds_are_different() -> None:
    assert Sources(1) != Other(1)
