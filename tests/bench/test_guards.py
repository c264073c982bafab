from __future__ import annotations

from bench import guards
from bench.guards import CANDIDATES, Figure, costs, filled, own
from kapagate.guards.personal import DETECTORS, PersonalData

RULE = PersonalData()


def test_every_kind_of_candidate_is_weighed_and_is_one() -> None:
    assert {name.partition(",")[0] for name in CANDIDATES} == set(DETECTORS)
    for name, value in CANDIDATES.items():
        found = {edit.kind for edit in RULE.scan(f"see {value}, and go on", 0, True)[0]}
        assert DETECTORS[name.partition(",")[0]].kind in found


def test_clean_texts_are_clean_and_hostile_ones_are_as_long_as_they_are_said_to_be() -> None:
    for unit, _ in guards.CLEAN.values():
        assert RULE.clean([filled(unit, 4096)])
    assert len(filled("a@", 1001)) == 1001


def test_a_figure_holds_up_to_its_most() -> None:
    assert Figure("a", 15.0, 15.0).holds
    assert not Figure("a", 15.1, 15.0).holds


def test_every_figure_is_told_with_what_it_may_cost() -> None:
    told = list(costs(RULE, scale=20))
    assert len(told) == len(guards.CLEAN) + 1 + len(CANDIDATES)
    assert all(each.most > 0 and each.value > 0 for each in told)


def test_two_hundred_detectors_of_ones_own_find_as_five_do() -> None:
    for number in (5, 200):
        assert [edit.text for edit in own(number).scan("see K003-1234 now", 0, True)[0]] == ["<no3>"]
