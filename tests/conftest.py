"""What every test shares: hypothesis profiles (`ci` repeats itself, `dev` explores), workers, a collector at ease."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from kapagate.machine.heap import settle_more, uncollected

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker a core for the whole suite; none where some tests are named, or there is one core: they cost seconds."""
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if everything and cores > 1 else 0


@pytest.fixture
def root_logger() -> Iterator[None]:
    """`kapagate run` takes the root logger over; the next test gets it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Twenty thousand tests stay to the end: a collector that looks through them again and again takes minutes."""
    with uncollected():
        collected = yield
    settle_more()
    return collected
