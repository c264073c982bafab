"""Nothing that a bench starts outlives it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from bench.process import ROOT, spawned

CHILD = "import sys, time; print('up', flush=True); sys.stdin.read(); time.sleep(60)"
BENCH = f"""
import sys
from bench.process import spawned
with spawned([sys.executable, "-c", {CHILD!r}], 0) as process:
    process.first_line()
    print(process.child.pid, flush=True)
    sys.stdin.readline()
"""


def core() -> int:
    return min(os.sched_getaffinity(0))


def test_a_process_has_its_core_and_ends_with_its_block() -> None:
    with spawned([sys.executable, "-c", CHILD], core()) as process:
        assert process.first_line() == "up"
        assert os.sched_getaffinity(process.child.pid) == {core()}
        assert process.cpu_seconds() >= 0
        assert process.resident_bytes() > 1_000_000
    assert process.child.returncode == -signal.SIGTERM


def test_processes_end_when_the_bench_is_killed() -> None:
    bench = subprocess.Popen(
        [sys.executable, "-c", BENCH.replace(", 0)", f", {core()})")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert bench.stdout is not None
    assert bench.stdin is not None
    child = int(bench.stdout.readline())
    descriptor = os.pidfd_open(child)
    bench.kill()
    bench.wait(20)
    bench.stdout.close()
    bench.stdin.close()
    assert select.select([descriptor], [], [], 20)[0], "it lives on"
    os.close(descriptor)


def test_a_command_runs_in_the_repository() -> None:
    with spawned([sys.executable, "-c", "import os; print(os.getcwd())"], core()) as process:
        assert process.first_line() == str(ROOT)
