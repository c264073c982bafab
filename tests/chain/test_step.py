from __future__ import annotations

import pytest

from kapagate.chain.step import Step


def test_a_step_does_and_needs_nothing_unless_it_says_so() -> None:
    step = Step()
    assert not any([step.on_request, step.on_answer, step.on_opening, step.on_seal, step.on_done])
    assert not any([step.reads, step.writes, step.needs, step.asserts])


def test_a_step_cannot_be_changed_and_names_its_parts() -> None:
    with pytest.raises(AttributeError):
        Step().on_done = print
    with pytest.raises(TypeError):
        Step(frozenset())
