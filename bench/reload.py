"""`python -m bench.reload`: what a reload of 2,000 tenants costs those who ask meanwhile, and whether memory grows.

The full chain as a user runs it, one request after the other on one connection. Printed are the longest and the middle
of their times: at rest, while one tenant is edited, while the Gateway document is, and while a wrong one is refused.
What the longest exceed those at rest by is what a reload delays, as far as the machine does nothing else. So the loads
are also done in this process, and the CPU time of the longest piece between two rests is printed: no request waits for
more than a slice and one such piece. Then come reloads one after the other.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import click
import orjson

from bench.process import ROOT, Process
from bench.subjects import BODY, CHAT, OTHER_CORE, gateways, made_keys, running_upstream
from kapagate.chain.exchange import Exchange
from kapagate.chain.response import Response
from kapagate.machine.heap import uncollected
from kapagate.offers import Machine, Remembered
from kapagate.policy.loader import Loader
from kapagate.remote.references import References
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.ring import MemoryLedger

_LONGEST = 60.0
TENANT = """\
apiVersion: kapagate.dev/v1
kind: Tenant
name: t{number:04}
display_name: Tenant {number}
upstreams:
  kapa: {{project: "00000000-0000-4000-8000-{number:012}", api_key: "${{env:KG_T{number:04}_KEY}}", source_groups: all}}
"""


def write_tenants(folder: Path, count: int) -> Mapping[str, str]:
    """A file each; what they ask of the environment."""
    for number in range(count):
        (folder / f"t{number:04}.yaml").write_text(TENANT.format(number=number))
    return {f"KG_T{number:04}_KEY": f"key-of-{number}" for number in range(count)}


class Client:
    """Asks again and again, and says how long each answer took, in seconds."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {**headers, "Content-Type": "application/json"}
        self.policy = ""

    def ask(self) -> float:
        begun = time.perf_counter()
        self._connection.request("POST", CHAT, BODY, self._headers)
        answer = self._connection.getresponse()
        answer.read()
        took = time.perf_counter() - begun
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}")
        self.policy = answer.headers["Kapagate-Policy"]
        return took

    def ask_for(self, seconds: float) -> list[float]:
        until = time.perf_counter() + seconds
        times = []
        while time.perf_counter() < until:
            times.append(self.ask())
        return times

    def ask_until_other(self) -> list[float]:
        """Until another policy decides, and a little longer."""
        before, times = self.policy, [self.ask()]
        until = time.perf_counter() + _LONGEST
        while self.policy == before and time.perf_counter() < until:
            times.append(self.ask())
        return times + self.ask_for(0.5)


@contextmanager
def served(tenants: int) -> Iterator[tuple[Process, Client, Path]]:
    """The gateway, who asks it, and its policy's folder."""
    with tempfile.TemporaryDirectory(prefix="kapagate-reload-") as directory, running_upstream() as (_, url):
        keys, folder = made_keys(), Path(directory, "policies")
        _, full = gateways(url, Path(directory, "state.db"), keys)
        shutil.copytree(full.policy, folder)
        asked = {**full.environment, **write_tenants(folder / "tenants", tenants)}
        token = keys.token("bench", "acme", "viewer", time.time() + 36_000)
        with replace(full, policy=folder, environment=asked).started() as (process, port, _):
            yield process, Client(port, {"Authorization": f"Bearer {token}"}), folder


def edited(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if old not in text:
        raise ValueError(f"{file} does not say {old!r}")
    file.write_text(text.replace(old, new))


def _print(name: str, times: list[float], rest: float = 0.0) -> None:
    longest = sorted(times)[-3:]
    later = f", {(longest[-1] - rest) * 1e3:.1f} ms more than at rest" if rest else ""
    print(
        f"{name}: {len(times)} requests, middle {statistics.median(times) * 1e3:.2f} ms, longest "
        f"{' '.join(f'{each * 1e3:.1f}' for each in longest)} ms{later}",
        flush=True,
    )


def pieces(loader: Loader) -> tuple[float, float]:
    """CPU seconds of a whole load, and of the longest piece between two places where it may rest."""
    work, spent, longest = loader.loading(loader.read()), 0.0, 0.0
    with uncollected():
        while True:
            begun = time.thread_time()
            over = next(work, work) is work
            took = time.thread_time() - begun
            spent, longest = spent + took, max(longest, took)
            if over:
                return spent, longest


def _print_pieces(tenants: int) -> None:
    with tempfile.TemporaryDirectory(prefix="kapagate-reload-") as directory:
        folder = Path(directory, "policies")
        shutil.copytree(ROOT / "policies", folder)
        environment = dict(made_keys().environment("http://127.0.0.1:1", "http://127.0.0.1:1", "unopened"))
        environment |= write_tenants(folder / "tenants", tenants)
        machine = Machine.started()
        state = Remembered(MemoryLedger(), MemoryReplays(machine.clock), MemoryOwners(machine.clock))
        offered = machine.offer(state).services
        loader = Loader([folder], References(environment), lambda settings: offered, serves={"system_health": _nobody})
        loader.load()
        for name, file, old, new in (
            ("one tenant", folder / "tenants" / "t0007.yaml", "Tenant 7", "Tenant 8"),
            ("the Gateway document", folder / "gateway.yaml", "max_length: 4000", "max_length: 3999"),
        ):
            edited(file, old, new)
            spent, longest = pieces(loader)
            print(f"{name} edited: {spent * 1e3:.0f} ms of CPU, the longest piece {longest * 1e3:.1f} ms", flush=True)


async def _nobody(exchange: Exchange) -> Response:
    raise LookupError("nobody asks")


@click.command()
@click.option("--tenants", default=2000, show_default=True)
@click.option("--reloads", default=200, show_default=True, help="How many follow each other while memory is watched.")
@click.option("--rounds", default=5, show_default=True, help="How often each edit is made.")
def main(tenants: int, reloads: int, rounds: int) -> None:
    """How long requests wait while the policy is loaded again, and what it leaves behind."""
    os.sched_setaffinity(0, {OTHER_CORE})
    _print_pieces(tenants)
    with served(tenants) as (process, client, folder):
        rest = client.ask_for(1.0) and client.ask_for(5.0)
        _print("at rest", rest)
        middle = statistics.median(rest)
        gateway, tenant = folder / "gateway.yaml", folder / "tenants" / "t0007.yaml"
        one, full = [], []
        for number in range(rounds):
            edited(tenant, f"display_name: Tenant {'7' * (number + 1)}", f"display_name: Tenant {'7' * (number + 2)}")
            one += client.ask_until_other()
            edited(gateway, f"max_length: {4000 + number}", f"max_length: {4001 + number}")
            full += client.ask_until_other()
        _print("one tenant is edited", one, middle)
        _print("the Gateway document is edited", full, middle)
        edited(gateway, "pii: redact}", "pii: redcat}")
        _print("a wrong one is refused", client.ask_for(10.0), middle)
        edited(gateway, "pii: redcat}", "pii: redact}")
        _reload_often(process, client, tenant, reloads)


def _reload_often(process: Process, client: Client, tenant: Path, reloads: int) -> None:
    client.ask_for(5.0)
    tenant.write_text(TENANT.format(number=7))
    client.ask_for(2.0)
    samples = []
    for number in range(reloads):
        edited(tenant, f"Tenant {(7, 8)[number % 2]}\n", f"Tenant {(8, 7)[number % 2]}\n")
        client.ask_until_other()
        samples.append(process.resident_bytes())
    told = orjson.dumps([round(each / 1e6, 1) for each in samples[:: max(1, reloads // 10)]]).decode()
    print(f"resident MB over {reloads} reloads while requests run: {told}, at the end {samples[-1] / 1e6:.1f}")


if __name__ == "__main__":
    main()
