from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bench.kill import Found, faults, killed

WELL = Found(answered=10, called=8, missing=0, without_intent=0, untold=0, lost=2, longest=0.0)


async def test_sync_has_every_answer_and_every_call_of_a_gateway_that_was_killed() -> None:
    found = await killed(2, "sync", random.Random(1))
    assert faults(found, "sync", write=0.0) == []
    assert found.answered > 50
    assert found.called > 50


async def test_batched_loses_the_window_before_a_kill_and_says_so() -> None:
    found = await killed(2, "batched", random.Random(2))
    assert faults(found, "batched", write=2.0) == []
    assert found.answered > 50


@pytest.mark.parametrize(
    ("found", "durability", "said"),
    [
        (replace(WELL, missing=1, longest=0.01), "sync", "1 answers without a record"),
        (replace(WELL, without_intent=3), "sync", "3 calls upstream without an intent"),
        (replace(WELL, untold=2), "batched", "2 ends were told in no gap record"),
        (replace(WELL, missing=1, longest=0.2), "batched", "200 ms before a kill"),
    ],
)
def test_what_is_not_as_promised_is_said(found: Found, durability: str, said: str) -> None:
    (fault,) = faults(found, durability, write=0.1)
    assert said in fault


@pytest.mark.parametrize("durability", ["sync", "batched"])
def test_what_is_within_the_window_is_as_promised(durability: str) -> None:
    within = replace(WELL, missing=5, longest=0.12) if durability == "batched" else WELL
    assert faults(within, durability, write=0.1) == []
