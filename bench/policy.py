"""How long policies take to read: `check` of many tenants, and parsing of one long file.

    python -m bench.policy [--tenants 2000] [--lines 20000] [--rounds 3]

The tenants are copies of the example's, each with a chain of its own. Wanted: check below 4 s, parsing below 1 s.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from kapagate.demo.people import Keys
from kapagate.machine.heap import uncollected
from kapagate.policy.finding import Diagnostics
from kapagate.policy.source import Source
from kapagate.policy.syntax import parse
from kapagate.remote.references import References
from kapagate.run import offline_everywhere

POLICIES = Path(__file__).resolve().parent.parent / "policies"
CHECK, PARSING = 4.0, 1.0  # seconds
TENANT = """\
apiVersion: kapagate.dev/v1
kind: Tenant
name: NAME
display_name: Tenant NAME
upstreams:
  kapa:
    project: "00000000-0000-4000-8000-NUMBER"
    api_key: "${env:KG_NAME_KEY}"
    source_groups: all
chain:
  - {at: ask, set: {max_length: LENGTH}}
  - {at: answer, set: {disclaimer: "NAME: please check this answer with your account team."}}
"""


def write(folder: Path, tenants: int) -> dict[str, str]:
    """The example with that many tenants more; what they ask of their environment."""
    shutil.copy(POLICIES / "gateway.yaml", folder)
    for part in ("tenants", "environments", "exceptions"):
        shutil.copytree(POLICIES / part, folder / part)
    environment = {}
    for number in range(tenants):
        name = f"t{number}"
        text = TENANT.replace("NUMBER", f"{number:012}").replace("LENGTH", str(500 + number % 50))
        (folder / "tenants" / f"{name}.yaml").write_text(text.replace("KG_NAME", f"KG_T{number}").replace("NAME", name))
        environment[f"KG_T{number}_KEY"] = f"key-of-{name}"
    return environment


def long_file(lines: int) -> str:
    """One file of that many lines, of tenants."""
    documents = [TENANT.replace("NAME", f"t{number}") for number in range(lines // (TENANT.count("\n") + 1) + 1)]
    return "\n".join("---\n".join(documents).split("\n")[:lines]) + "\n"


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Of one core, the middle one of several rounds: other work on the machine does not count."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        with uncollected():
            work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


@click.command()
@click.option("--tenants", default=2000, show_default=True)
@click.option("--lines", default=20_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(tenants: int, lines: int, rounds: int) -> None:
    """Prints both times and ends with 1 when one is too long."""
    example = Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:2", "example.db")
    with tempfile.TemporaryDirectory() as name:
        environment = {**example, **write(Path(name), tenants)}
        loaded = offline_everywhere([Path(name)], References(environment))
        checking = seconds(lambda: offline_everywhere([Path(name)], References(environment)), rounds)
    if not loaded.ok:
        sys.exit(loaded.report()[:2000])
    source = Source("long.yaml", long_file(lines), Path("."))
    parsing = seconds(lambda: parse(source, Diagnostics()), rounds)
    print(f"check of {loaded.tenants} tenants: {checking:.2f} s (below {CHECK:g} s wanted)")
    print(f"parsing of {lines} lines: {parsing:.2f} s (below {PARSING:g} s wanted)")
    sys.exit(0 if checking < CHECK and parsing < PARSING else 1)


if __name__ == "__main__":
    main()
