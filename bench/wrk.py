"""Whole answers are asked for by wrk, which costs its core a quarter of what a client in Python does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.load import CONNECTIONS, Refused
from bench.peer import libraries
from bench.process import ROOT

SCRIPT = ROOT / "bench" / "wrk.lua"
_SETTLING = 30.0


def written(requests: Sequence[bytes], file: Path) -> Path:
    """The requests as `wrk.lua` reads them."""
    file.write_bytes(b"".join(b"%d\n%b" % (len(each), each) for each in requests))
    return file


def asked(wrk: Path, port: int, requests: Path, seconds: float) -> tuple[int, float]:
    """Whole answers, and the seconds that they took. Raises Refused when one was not 200, or a connection broke."""
    command = [str(wrk), "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(SCRIPT), f"http://127.0.0.1:{port}/"]
    environment = {**os.environ, **libraries(wrk), "REQUESTS": str(requests)}
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=seconds + _SETTLING
    )
    return counted(ended.stdout, ended.stderr)


def counted(output: str, complaint: str = "") -> tuple[int, float]:
    """What the last line of wrk's output says. Raises Refused."""
    last = output.strip().rpartition("\n")[2]
    if not last.startswith("{"):
        raise Refused(f"wrk did not end: {(complaint or output)[:300]}")
    told = orjson.loads(last)
    if told["refused"] or told["broken"]:
        raise Refused(f"{told['refused']} answers were refusals, {told['broken']} connections failed")
    return told["answers"], told["microseconds"] / 1e6
