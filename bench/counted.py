"""Runs the gateway and, whenever it gets SIGUSR1, writes down what of it is alive.

`python -m bench.counted FILE run POLICY ...`: FILE gets numbers of open descriptors, tasks, audit places and `objects`.
Objects are instances of the gateway's own classes; whatever an exchange leaves behind is among them, or holds one.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import orjson

_OWN = "kapagate."


def alive() -> dict[str, Any]:
    """Of this process, garbage apart."""
    gc.collect()
    objects: Counter[str] = Counter()
    places = 0
    for each in gc.get_objects():
        kind = type(each)
        if str(kind.__module__).startswith(_OWN):
            objects[f"{kind.__module__.removeprefix(_OWN)}.{kind.__qualname__}"] += 1
            places += getattr(each, "held", 0) if kind.__qualname__.endswith("Ledger") else 0
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks(asyncio.get_running_loop())),
        "places": places,
        "objects": dict(sorted(objects.items())),
    }


def main() -> None:
    from kapagate.cli import main as kapagate

    name, *sys.argv[1:] = sys.argv[1:]
    target = Path(name)

    def note(number: int, frame: FrameType | None) -> None:
        asyncio.get_running_loop().call_soon(write)

    def write() -> None:
        beside = target.with_suffix(".part")
        beside.write_bytes(orjson.dumps(alive()))
        beside.rename(target)

    signal.signal(signal.SIGUSR1, note)
    kapagate()


if __name__ == "__main__":
    main()
