"""`python -m bench.reload`: what a reload of 2,000 tenants costs those who ask meanwhile, and whether memory grows.

The full chain as a user runs it, one request after the other on one connection. Printed are the longest and the middle
of their times: at rest, while one tenant is edited, while the Gateway document is, and while a wrong one is refused.
What the longest exceed those at rest by is what a reload delays, as far as the machine does nothing else. So it is also
done in this process, and printed is for how long the loop was busy at most before it turned to others, in CPU time,
which nobody else's work lengthens: no request waits longer. Then come reloads one after the other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import click
import orjson

from bench.process import ROOT, Process
from bench.subjects import BODY, CHAT, OTHER_CORE, gateways, made_keys, running_upstream
from kapagate.cli.loop import run_loop
from kapagate.demo.stage import ANY_PORT
from kapagate.machine.heap import settle
from kapagate.remote.references import References
from kapagate.run import Addresses, open_gateway

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


async def _turns(tenants: int) -> None:
    """What the loads leave of the loop's turns: the longest, in CPU time of its thread."""
    with tempfile.TemporaryDirectory(prefix="kapagate-reload-") as directory:
        folder = Path(directory, "policies")
        shutil.copytree(ROOT / "policies", folder)
        asked = dict(made_keys().environment("http://127.0.0.1:1", "http://127.0.0.1:1", f"{directory}/state.db"))
        asked |= write_tenants(folder / "tenants", tenants)
        tenant, gateway = folder / "tenants" / "t0007.yaml", folder / "gateway.yaml"
        async with open_gateway([folder], References(asked), Addresses(ANY_PORT, ANY_PORT, ANY_PORT)) as served:
            settle()
            for name, file, old, new in (
                ("one tenant is edited", tenant, "Tenant 7", "Tenant 8"),
                ("the Gateway document is edited", gateway, "max_length: 4000", "max_length: 3999"),
                ("a wrong one is refused", gateway, "max_length: 3999", "max_lngth: 3999"),
            ):
                edited(file, old, new)
                turns = await turns_during(served.reload("bench"))
                print(f"{name}: the loop is busy for {max(turns) * 1e3:.1f} ms of CPU at most", flush=True)


async def turns_during(reload: Awaitable[object]) -> list[float]:
    """CPU seconds of each turn of the loop."""
    turns: list[float] = []
    under_way, before = asyncio.ensure_future(reload), time.thread_time()
    while not under_way.done() or len(turns) % 64:
        await asyncio.sleep(0)
        now = time.thread_time()
        turns.append(now - before)
        before = now
    return turns


@click.command()
@click.option("--tenants", default=2000, show_default=True)
@click.option("--reloads", default=200, show_default=True, help="How many follow each other while memory is watched.")
@click.option("--rounds", default=5, show_default=True, help="How often each edit is made.")
def main(tenants: int, reloads: int, rounds: int) -> None:
    """How long requests wait while the policy is loaded again, and what it leaves behind."""
    os.sched_setaffinity(0, {OTHER_CORE})
    logging.disable()
    run_loop(_turns(tenants))
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
