from __future__ import annotations

from kapagate.chain.fact import Fact


def test_two_facts_are_the_same_only_if_they_are_the_same_object() -> None:
    one: Fact[int] = Fact("quota")
    other: Fact[int] = Fact("quota")
    assert one != other
    assert {one: 1, other: 2}[one] == 1


def test_a_fact_shows_its_name() -> None:
    fact: Fact[int] = Fact("quota")
    assert (fact.name, repr(fact)) == ("quota", "Fact(quota)")
