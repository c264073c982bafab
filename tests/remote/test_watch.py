from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import enumerate as threads

import pytest

from kapagate.remote.watch import Watch

PATIENCE = 20.0


@asynccontextmanager
async def watching(path: Path, period: float = 3600.0) -> AsyncIterator[asyncio.Event]:
    told = asyncio.Event()
    task = asyncio.create_task(Watch([path], told.set, period).run())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def seen(told: asyncio.Event, change: Callable[[], object]) -> bool:
    """Whether it is told of a change, which is made again until then: a watch takes a moment to begin."""
    async with asyncio.timeout(PATIENCE):
        while not told.is_set():
            change()
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), 0.5)
    return told.is_set()


async def test_a_file_that_is_written_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("a: 1")
    for path in (tmp_path, file):
        async with watching(path) as told:
            assert await seen(told, lambda: file.write_text("a: 2"))


async def test_a_file_that_is_replaced_is_seen(tmp_path: Path) -> None:
    file, other = tmp_path / "gateway.yaml", tmp_path / "next"
    file.write_text("a: 1")

    def replace() -> None:
        other.write_text("a: 2")
        os.replace(other, file)

    async with watching(file) as told:
        assert await seen(told, replace)


async def test_the_swap_of_a_mounted_configmap_is_seen(tmp_path: Path) -> None:
    """`gateway.yaml` leads to `..data/gateway.yaml`, `..data` to a folder; another folder takes its place."""
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gateway.yaml").write_text(f"a: {name}")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "gateway.yaml").symlink_to("..data/gateway.yaml")
    turns = iter(range(1000))

    def swap() -> None:
        (tmp_path / "..data_tmp").symlink_to(f"..{next(turns) % 2 + 1}")
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")

    for path in (tmp_path, tmp_path / "gateway.yaml"):
        async with watching(path) as told:
            assert await seen(told, swap)


async def test_a_log_in_a_watched_folder_does_not_tell_of_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with watching(tmp_path) as told:
            assert await seen(told, lambda: (tmp_path / "gateway.log").write_text("a line"))
    assert caplog.messages == []


async def test_nothing_listens_any_more_once_it_is_stopped(tmp_path: Path) -> None:
    before = set(threads())
    async with watching(tmp_path) as told:
        assert await seen(told, lambda: (tmp_path / "gateway.yaml").write_text("a: 1"))
        begun = [thread for thread in threads() if thread not in before and thread.name.startswith("watch")]
        assert len(begun) == 1
    await asyncio.to_thread(begun[0].join, PATIENCE)
    assert not begun[0].is_alive()


async def test_without_a_word_of_the_system_the_clock_tells(tmp_path: Path) -> None:
    async with watching(tmp_path / "not-there" / "gateway.yaml", period=0.01) as told:
        assert await seen(told, lambda: None)
