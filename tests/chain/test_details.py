from __future__ import annotations

from kapagate.chain.details import DETAILS


def test_details_are_a_fact_with_a_name_of_its_own() -> None:
    assert repr(DETAILS) == "Fact(details)"
