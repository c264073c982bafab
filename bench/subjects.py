"""What is measured: each subject is a process in front of the same upstream, and the question that it is asked."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import orjson

from bench.load import Question, post
from bench.process import ROOT, Process, started
from bench.upstream import ANSWER
from kapagate.demo.people import Keys

SUBJECT_CORE, OTHER_CORE = (sorted(os.sched_getaffinity(0)) * 2)[:2]
CHAT = "/query/v1/projects/default/chat/"
STREAM = f"{CHAT}stream/"
_QUESTION = "How do I rotate the signing key of my workspace without logging everybody out of the app?"
BODY = orjson.dumps({"query": _QUESTION})
LIMITS = {
    "DOOR_LIMIT_PER_MINUTE": "60000000",
    "DOOR_BURST": "1000000",
    "RATE_LIMIT_PER_MINUTE": "60000000",
    "RATE_LIMIT_BURST": "1000000",
}
_PATIENCE = 120.0  # ten thousand tenants take a while
_CLOSING = b'"question_answer_id"'


@dataclass(frozen=True, slots=True)
class Subject:
    """A process that serves, and what it is asked there."""

    name: str
    process: Process
    port: int
    question: Question


@dataclass(frozen=True, slots=True)
class Gateway:
    """How one policy is run: exactly as a user runs it, with the access log on, unless another module runs it."""

    policy: Path
    environment: Mapping[str, str]
    runner: tuple[str, ...] = ("kapagate",)
    core: int = SUBJECT_CORE

    @contextmanager
    def started(self) -> Iterator[tuple[Process, int, float]]:
        """The process, its data port, and the seconds from spawn until `/readyz` said 200."""
        data, probe, admin = free_ports(3)
        doors = [f"--{door}=127.0.0.1:{port}" for door, port in (("data", data), ("probe", probe), ("admin", admin))]
        arguments = [*self.runner, "run", str(self.policy), *doors]
        begun = time.perf_counter()
        with started(arguments, self.core, self.environment, stdout=subprocess.DEVNULL) as process:
            _until_ready(process, probe)
            yield process, data, time.perf_counter() - begun


def gateways(upstream: str, state: Path, keys: Keys) -> tuple[Gateway, Gateway]:
    """Pass-through and the shipped example. Limits are references: the bench sets their values and nothing else."""
    asked = {**keys.environment(upstream, upstream, str(state)), **LIMITS}
    return Gateway(ROOT / "bench/policies/pass-through", asked), Gateway(ROOT / "policies", asked)


def questions(keys: Keys, tenant: str = "acme") -> dict[str, Question]:
    """By subject: who asks what, and how."""
    token = keys.token("bench", tenant, "viewer", time.time() + 3600)
    bearer, key = {"Authorization": f"Bearer {token}"}, {"X-Api-Key": keys.reporter.text}
    told = ANSWER[:40].encode()
    return {
        "pass-through": post(CHAT, BODY, key, told),
        "full chain": post(CHAT, BODY, bearer, told),
        "full chain, stream": post(STREAM, BODY, bearer, _CLOSING),
    }


@contextmanager
def running_upstream() -> Iterator[tuple[Process, str]]:
    """The process, and its URL."""
    with started(["bench.upstream"], OTHER_CORE) as upstream:
        yield upstream, f"http://127.0.0.1:{upstream.first_line()}"


def made_keys() -> Keys:
    return Keys.made(os.urandom)


def free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()
    return ports


def until_open(process: Process, port: int) -> None:
    """Until it takes connections. Raises RuntimeError when it ends, or takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.002)
    raise RuntimeError(f"{process.child.args!r} does not listen")


def _until_ready(process: Process, probe: int) -> None:
    """Raises RuntimeError when it ends, or is not ready in time."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.child.poll() is not None:
            raise RuntimeError(f"{process.child.args!r} ended with {process.child.returncode}")
        try:
            with urlopen(f"http://127.0.0.1:{probe}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.002)
    raise RuntimeError(f"{process.child.args!r} was not ready in {_PATIENCE:.0f} s")
