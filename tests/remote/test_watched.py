"""Files are taken at once, and again when they have changed and come to rest."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from kapagate.remote.watched import WatchedFiles
from kapagate.telemetry.prometheus import PrometheusMeter


class Reader:
    """Keeps what it got; refuses what begins with `bad`."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def take(self, text: str) -> None:
        if text.startswith("bad"):
            raise ValueError("it is bad")
        if text.startswith("bug"):
            raise RuntimeError("a bug")
        self.got.append(text)


class Watching:
    def __init__(self, folder: Path) -> None:
        self.meter = PrometheusMeter()
        self.files = WatchedFiles(self.meter)
        self.path = folder / "list.txt"
        self.path.write_text("one")
        self.reader = Reader()
        self.files.watch(str(self.path), self.reader.take)

    def write(self, text: str) -> None:
        """In place, at a time of its own: the file system's clock may stand still between two writes."""
        self.path.write_text(text)
        found = self.path.stat()
        os.utime(self.path, ns=(found.st_atime_ns, found.st_mtime_ns + 1_000_000))

    @property
    def failures(self) -> float:
        lines = self.meter.render().decode().splitlines()
        counts = [float(line.split()[-1]) for line in lines if line.startswith("kapagate_watched_file_failures_total{")]
        return sum(counts)


@pytest.fixture
def watching(tmp_path: Path) -> Watching:
    return Watching(tmp_path)


async def test_a_file_is_taken_at_once(watching: Watching) -> None:
    assert watching.reader.got == ["one"]
    await watching.files.look()
    await watching.files.look()
    assert watching.reader.got == ["one"]


async def test_a_changed_file_is_taken_when_two_looks_agree(watching: Watching) -> None:
    watching.write("two")
    await watching.files.look()
    assert watching.reader.got == ["one"]
    await watching.files.look()
    assert watching.reader.got == ["one", "two"]
    await watching.files.look()
    assert watching.reader.got == ["one", "two"]


async def test_a_file_that_is_being_written_is_not_read_half(watching: Watching) -> None:
    for text in ("t", "tw", "twelve"):
        watching.write(text)
        await watching.files.look()
    assert watching.reader.got == ["one"]
    await watching.files.look()
    assert watching.reader.got == ["one", "twelve"]


async def test_another_file_in_its_place_is_a_change_whatever_its_size_and_time(watching: Watching) -> None:
    new = watching.path.with_suffix(".new")
    new.write_text("six")
    found = watching.path.stat()
    os.utime(new, ns=(found.st_atime_ns, found.st_mtime_ns))
    os.replace(new, watching.path)
    await watching.files.look()
    await watching.files.look()
    assert watching.reader.got == ["one", "six"]


@pytest.mark.parametrize("text", ["bad", "bug"])
async def test_what_cannot_be_used_is_logged_and_counted_once(
    watching: Watching, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    watching.write(text)
    for _ in range(5):
        await watching.files.look()
    assert watching.failures == 1
    assert len(caplog.records) == 1
    watching.write("three")
    await watching.files.look()
    await watching.files.look()
    assert watching.reader.got == ["one", "three"]


async def test_a_file_that_goes_away_is_told_of_once_and_taken_again_when_it_is_back(watching: Watching) -> None:
    watching.path.unlink()
    for _ in range(4):
        await watching.files.look()
    assert watching.failures == 1
    assert watching.reader.got == ["one"]
    watching.path.write_text("back")
    await watching.files.look()
    await watching.files.look()
    assert watching.reader.got == ["one", "back"]


async def test_what_is_no_text_or_too_long_is_not_taken(watching: Watching) -> None:
    watching.path.write_bytes(b"\xff\xfe" * 50)
    await watching.files.look()
    await watching.files.look()
    watching.path.write_bytes(b"x" * ((1 << 20) + 1))
    await watching.files.look()
    await watching.files.look()
    assert (watching.failures, watching.reader.got) == (2, ["one"])


def test_what_cannot_be_read_or_used_at_first_is_an_error(watching: Watching, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="cannot be read"):
        watching.files.watch(str(tmp_path / "absent.txt"), watching.reader.take)
    watching.path.write_text("bad")
    with pytest.raises(ValueError, match="it is bad"):
        watching.files.watch(str(watching.path), watching.reader.take)


async def test_nobody_is_kept_alive_by_being_told(watching: Watching) -> None:
    reader = watching.reader
    got = reader.got
    watching.reader = Reader()
    del reader
    gc.collect()
    watching.write("two")
    await watching.files.look()
    await watching.files.look()
    assert got == ["one"]
    assert watching.files._files == []
