from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kapagate.machine.process import check_file, is_root

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


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/state.db", "no such file or directory"),
        ("folder", "is a directory"),
        ("file/state.db", "not a directory"),
        ("pipe", "invalid argument"),
    ],
)
def test_where_no_file_can_ever_be_it_says_so(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=f"{name}: {reason}"):
        check_file(tmp_path / name)


@pytest.mark.skipif(is_root(), reason="the superuser may write anywhere")
def test_what_others_own_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o400)
    with pytest.raises(OSError, match="permission denied"):
        check_file(tmp_path / "file")
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="permission denied"):
        check_file(tmp_path / "state.db")


def test_a_file_that_is_there_or_can_be_made_is_good_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    check_file(tmp_path / "there")
    check_file(tmp_path / "state.db")
    assert [each.name for each in tmp_path.iterdir()] == ["there"]
