"""What is measured is good policy, and differs from the example in what is said alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.variants import (
    Edit,
    gate_only,
    keys_of,
    steps,
    terms,
    with_longest_answer,
    with_room,
    with_series,
    with_terms,
    written,
)
from kapagate.demo.people import Keys
from kapagate.remote.references import References
from kapagate.run import offline

STEPS = steps()
EDITS = {
    **dict(STEPS),
    "gate only": gate_only,
    "terms": with_terms(200),
    "longest": with_longest_answer(200_000),
    "room": with_room(),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edited_policy_is_good(edit: Edit, tmp_path: Path) -> None:
    environment = Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:1", "memory")
    loaded = offline([written(tmp_path, edit)], References(environment))
    assert loaded.ok, loaded.report()


def test_more_tenants_are_added_to_the_examples(tmp_path: Path) -> None:
    environment = Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:1", "memory")
    loaded = offline([written(tmp_path, with_series, tenants=12)], References({**environment, **keys_of(12)}))
    assert loaded.ok, loaded.report()
    assert loaded.tenants == 14


def test_who_asks_is_found_out_before_all_else_and_every_step_comes_in_its_turn() -> None:
    names = [name for name, _ in STEPS]
    assert names[0] == "identify"
    assert len(names) == len(set(names)) > 8
    assert names[-1] == "answer"


def test_terms_differ() -> None:
    assert len(set(terms(200))) == 200
