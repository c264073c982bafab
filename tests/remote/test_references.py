"""References stand for variables and files, and tell nothing but their names when they do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kapagate.remote.references import LARGEST_FILE, References, read_text

RESOLVE = References({"NAME": "value", "EMPTY": "", "BYTES": "\udcff"})


def test_variables_come_from_the_mapping(tmp_path: Path) -> None:
    assert RESOLVE("env", "NAME", tmp_path) == "value"
    assert RESOLVE("env", "EMPTY", tmp_path) == ""


def test_paths_are_relative_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "secret").write_text("é\n")
    assert RESOLVE("file", "deep/secret", tmp_path) == "é\n"
    assert RESOLVE("file", str(tmp_path / "deep/secret"), Path("/elsewhere")) == "é\n"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("env", "PATH", "the environment variable PATH is not set"),
        ("env", "BYTES", "the environment variable BYTES is not UTF-8 text"),
        ("file", "absent", "absent cannot be read: No such file or directory"),
        ("file", ".", "is not a regular file"),
        ("file", "large", "is larger than 1 MiB"),
        ("file", "bytes", "is not UTF-8 text"),
        ("file", "pipe", "is not a regular file"),
        ("file", "nul\0", "is not UTF-8 text"),
        ("vault", "x", "nothing here resolves vault references"),
    ],
)
def test_what_stands_for_nothing_is_named(tmp_path: Path, kind: str, name: str, message: str) -> None:
    (tmp_path / "large").write_bytes(b"x" * (LARGEST_FILE + 1))
    (tmp_path / "bytes").write_bytes(b"\xff")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LookupError) as caught:
        RESOLVE(kind, name, tmp_path)
    assert message in str(caught.value)


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"x" * LARGEST_FILE)
    assert len(read_text(tmp_path / "full")) == LARGEST_FILE
