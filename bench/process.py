"""Processes under test: pinned to one core, read from /proc, ended by their own id.

Each leads a process group of its own, so that Ctrl-C reaches the bench alone, which then ends them in order; and the
kernel ends them when the bench is killed (prctl(2), PR_SET_PDEATHSIG), so that none is left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_GRACE = 5.0
_LIBC = ctypes.CDLL(None)
_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Process:
    """One child and what it started."""

    child: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """User and system time of all its processes and threads so far."""
        return sum(cpu_seconds(pid) for pid in self._family())

    def loop_seconds(self) -> float:
        """User and system time of its first thread alone, the one with the event loop."""
        return _seconds(Path(f"/proc/{self.child.pid}/task/{self.child.pid}/stat"))

    def resident_bytes(self) -> int:
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._family()) * _PAGE

    def first_line(self) -> str:
        """The first line it prints. Raises RuntimeError when it ends without one."""
        assert self.child.stdout is not None
        line = self.child.stdout.readline().decode().strip()
        if not line:
            raise RuntimeError(f"{self.child.args!r} ended without a word")
        return line

    def end(self) -> None:
        """SIGTERM to this child alone, and after five seconds SIGKILL to it and what it started."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(_GRACE)
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        if self.child.stdout is not None:
            self.child.stdout.close()

    def _family(self) -> list[int]:
        found = [self.child.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found


def cpu_seconds(pid: int) -> float:
    """User and system time of one process."""
    return _seconds(Path(f"/proc/{pid}/stat"))


def _seconds(stat: Path) -> float:
    """User and system time (proc(5): fields 14 and 15; the second may hold blanks)."""
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


@contextlib.contextmanager
def spawned(
    command: Sequence[str | Path],
    core: int,
    environment: Mapping[str, str] | None = None,
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.DEVNULL,
    folder: Path = ROOT,
) -> Iterator[Process]:
    """A command on one core, for the block."""
    parent = os.getpid()

    def prepare() -> None:
        _LIBC.prctl(_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
        os.sched_setaffinity(0, {core})

    child = subprocess.Popen(
        [str(each) for each in command],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=prepare,  # noqa: PLW1509  # the bench has no threads
    )
    process = Process(child)
    try:
        yield process
    finally:
        process.end()


@contextlib.contextmanager
def started(
    arguments: Sequence[str],
    core: int,
    environment: Mapping[str, str] | None = None,
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.DEVNULL,
) -> Iterator[Process]:
    """`python -m ARGUMENTS` on one core, for the block."""
    with spawned([sys.executable, "-m", *arguments], core, environment, stdout, stderr) as process:
        yield process
