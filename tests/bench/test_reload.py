from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from bench.reload import edited, turns_during, write_tenants
from kapagate.demo.people import Keys
from kapagate.demo.stage import POLICY
from kapagate.remote.references import References
from kapagate.run import offline


def test_the_tenants_that_it_adds_are_good(tmp_path: Path) -> None:
    shutil.copytree(POLICY, tmp_path / "policies")
    environment = dict(Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:1", "memory"))
    environment |= write_tenants(tmp_path / "policies" / "tenants", 3)
    loaded = offline([tmp_path / "policies"], References(environment))
    assert loaded.ok, loaded.report()
    assert loaded.tenants == 5


def test_an_edit_that_would_change_nothing_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1")
    edited(file, "1", "2")
    assert file.read_text() == "a: 2"
    with pytest.raises(ValueError, match="does not say"):
        edited(file, "1", "2")


async def test_the_turns_of_the_loop_are_told_while_something_is_under_way() -> None:
    async def work() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    found = await turns_during(work())
    assert len(found) >= 4
    assert all(each >= 0 for each in found)
