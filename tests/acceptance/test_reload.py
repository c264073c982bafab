"""A running process whose policy is edited: files, a mounted ConfigMap, SIGHUP, the admin port."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from kapagate.demo.people import Keys
from tests.acceptance.process import FREE, Process, running
from tests.acceptance.served import changed_policy

NAME = ("name: docs-assistant", "name: docs-helper")


@asynccontextmanager
async def serving(folder: Path, path: Path) -> AsyncIterator[tuple[Process, ClientSession]]:
    environment = Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:1", f"{folder}/state.db")
    async with running(environment, (str(path), *FREE)) as gateway, ClientSession() as client:
        yield gateway, client


async def config(gateway: Process, client: ClientSession) -> Any:
    async with client.get(f"{gateway.urls['admin']}/api/admin/config") as answer:
        return await answer.json()


async def policy_told(gateway: Process, client: ClientSession) -> str:
    async with client.get(f"{gateway.urls['data']}/nowhere") as answer:
        return answer.headers["Kapagate-Policy"]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


async def test_an_edit_is_in_force_soon_and_a_wrong_one_never(tmp_path: Path) -> None:
    policy = changed_policy(tmp_path, NAME)
    async with serving(tmp_path, policy) as (gateway, client):
        before = await policy_told(gateway, client)
        edit(policy / "tenants" / "acme.yaml", "Acme Ltd", "Acme Inc")
        line = await gateway.line(by="change", before=before)
        assert await policy_told(gateway, client) == line["policy"] != before
        edit(policy / "tenants" / "acme.yaml", "display_name", "display_nmae")
        wrong = await gateway.line(level="ERROR", policy=line["policy"])
        assert 'did you mean "display_name"?' in wrong["message"]
        assert await policy_told(gateway, client) == line["policy"]
        told = await config(gateway, client)
        assert (told["policy"], told["reload"]["success"]) == (line["policy"], False)
        async with client.get(f"{gateway.urls['probe']}/readyz") as ready:
            assert ready.status == 200
        edit(policy / "tenants" / "acme.yaml", "display_nmae", "display_name")
        await gateway.line(by="change", before=line["policy"])
        assert (await config(gateway, client))["reload"]["success"] is True


async def test_a_configmap_that_is_swapped_is_in_force_soon(tmp_path: Path) -> None:
    original, mount = changed_policy(tmp_path, NAME), tmp_path / "mount"
    (mount / "..1").mkdir(parents=True)
    (mount / "..2").mkdir()
    for folder, length in (("..1", 4000), ("..2", 3000)):
        for file in (original / "gateway.yaml", *(original / "tenants").glob("*.yaml")):
            text = file.read_text().replace("max_length: 4000", f"max_length: {length}")
            (mount / folder / file.name).write_text(text)
    (mount / "..data").symlink_to("..1")
    for name in ("gateway.yaml", "acme.yaml", "globex.yaml"):
        (mount / name).symlink_to(f"..data/{name}")
    async with serving(tmp_path, mount) as (gateway, client):
        before = await policy_told(gateway, client)
        (mount / "..data_tmp").symlink_to("..2")
        os.replace(mount / "..data_tmp", mount / "..data")
        line = await gateway.line(by="change", before=before)
        assert await policy_told(gateway, client) == line["policy"]


async def test_a_signal_and_an_administrator_reload_what_did_not_change(tmp_path: Path) -> None:
    async with serving(tmp_path, changed_policy(tmp_path, NAME)) as (gateway, client):
        before = await policy_told(gateway, client)
        gateway.process.send_signal(signal.SIGHUP)
        assert (await gateway.line(by="signal"))["policy"] == before
        async with client.post(f"{gateway.urls['admin']}/api/admin/reload") as answer:
            assert (answer.status, (await answer.json())["policy"]) == (200, before)
        assert (await gateway.line(by="admin"))["policy"] == before
