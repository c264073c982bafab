from __future__ import annotations

import os

import pytest

from bench.paired import Plan
from bench.replicas import CORES, measured, replicas
from bench.roster import WRK
from bench.site import opened


def test_a_machine_with_too_few_cores_is_told() -> None:
    if (os.cpu_count() or 1) >= CORES:
        pytest.skip("this one has enough")
    with opened() as site:
        assert "needs wrk and 4 cores" in replicas(site, Plan())["absent"]["two replicas"]


def test_both_replicas_answer() -> None:
    program, cores = WRK(), sorted(os.sched_getaffinity(0))
    if program is None:
        pytest.skip("no wrk on this machine")
    try:
        with opened() as site:
            found = measured(site, Plan(rounds=1, seconds=1.0), program, cores[:2], cores)
    finally:
        os.sched_setaffinity(0, cores)
    assert found["times"] > 0
