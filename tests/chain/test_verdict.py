from __future__ import annotations

from kapagate.chain.verdict import Verdict


def test_a_step_that_says_nothing_passed_and_was_enforced() -> None:
    assert Verdict() == Verdict("passed", "", "enforce", {})


def test_findings_are_counted_by_kind() -> None:
    verdict = Verdict()
    verdict.count("email")
    verdict.count("email", 2)
    verdict.count("card")
    assert verdict.counts == {"email": 3, "card": 1}


def test_two_verdicts_do_not_share_their_counts() -> None:
    one, other = Verdict(), Verdict()
    one.count("email")
    assert other.counts == {}
