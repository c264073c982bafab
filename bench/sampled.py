"""Runs the gateway and notes, a few hundred times in a second of CPU, which function is at work.

`python -m bench.sampled FILE run POLICY ...`: FILE gets `{"room/file.py function": samples}` when the gateway ends. The
kernel's clock for profiling (setitimer(2), ITIMER_PROF) ticks with CPU time, so sleep is not counted; a call into C
counts for the function that called it.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import orjson

_INTERVAL = 0.001
_PACKAGE = f"{Path(__file__).resolve().parent.parent}/kapagate/"


class Sampler:
    """Counts samples by the innermost of the gateway's own functions."""

    def __init__(self) -> None:
        self.samples: Counter[tuple[str, str]] = Counter()

    def note(self, number: int, frame: FrameType | None) -> None:
        while frame is not None:
            code = frame.f_code
            if code.co_filename.startswith(_PACKAGE):
                self.samples[code.co_filename.removeprefix(_PACKAGE), code.co_qualname] += 1
                return
            frame = frame.f_back

    def clear(self, number: int, frame: FrameType | None) -> None:
        self.samples.clear()

    def written(self) -> bytes:
        return orjson.dumps({f"{file} {name}": count for (file, name), count in self.samples.most_common()})


def main() -> None:
    """SIGUSR1 forgets what was counted so far: start and warming up."""
    from kapagate.cli import main as kapagate

    target, *sys.argv[1:] = sys.argv[1:]
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler.note)
    signal.signal(signal.SIGUSR1, sampler.clear)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
    try:
        kapagate()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        Path(target).write_bytes(sampler.written())


if __name__ == "__main__":
    main()
