from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kapagate.machine.process import is_root

CONFINED = """
import os, resource
from kapagate.machine.process import confine
confine()
open("written", "w").close()
os.mkdir("made")
print(oct(os.stat("written").st_mode & 0o777), oct(os.stat("made").st_mode & 0o777))
print(resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_a_confined_process_writes_for_its_owner_alone_and_leaves_no_core(tmp_path: Path) -> None:
    """In a process of its own: the hard limit cannot be taken back."""
    said = subprocess.run(
        [sys.executable, "-c", CONFINED],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        umask=0,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == ["0o600 0o700", "(0, 0)"]


def test_only_the_superuser_is_root() -> None:
    assert is_root() is (os.geteuid() == 0)
