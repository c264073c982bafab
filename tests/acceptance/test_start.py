"""How the process starts: as whom, with what rights, and what it shows to others on the machine."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest
from aiohttp import ClientSession, UnixConnector

from kapagate.demo.people import Keys
from tests.acceptance.process import FREE, PATIENCE, ROOT, command, running

SOMEBODY = 54_321
"""A uid that the machine does not know."""


def environment_of(folder: Path) -> dict[str, str]:
    nowhere = "http://127.0.0.1:1"
    return dict(Keys.made(os.urandom).environment(nowhere, nowhere, str(folder / "state.db")))


def told(pid: int, file: str) -> dict[str, str]:
    """A table of `/proc`, by the first words of its lines."""
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return {line[:16].rstrip(" \t").partition(":")[0]: line for line in lines}


async def test_a_crash_leaves_no_core_and_files_are_its_owners_alone(tmp_path: Path) -> None:
    async with running(environment_of(tmp_path)) as gateway:
        assert told(gateway.process.pid, "limits")["Max core file si"].split()[4:6] == ["0", "0"]
        assert told(gateway.process.pid, "status")["Umask"].split() == ["Umask:", "0077"]
        assert modes(tmp_path) == {0o600}


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.parametrize("variable", ["PYTHONASYNCIODEBUG", "PYTHONDEVMODE"])
async def test_in_debug_mode_it_does_not_start(tmp_path: Path, variable: str) -> None:
    environment = {**environment_of(tmp_path), variable: "1"}
    code, out, err = await command("run", "policies", *FREE, environment=environment)
    assert (code, out) == (1, "")
    assert "debug mode" in err
    assert "Traceback" not in err
    assert not (tmp_path / "state.db").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the warning is for the superuser, and this is not one")
async def test_the_superuser_is_told_and_served(tmp_path: Path) -> None:
    async with running(environment_of(tmp_path)) as gateway:
        assert gateway.said.count(b'"message":"running as root') == 1


def words(pid: int, file: str) -> list[bytes]:
    return Path(f"/proc/{pid}/{file}").read_bytes().rstrip(b"\0").split(b"\0")


SECRETIVE = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: secretive
listen: {data: "127.0.0.1:0", probe: "127.0.0.1:0", admin: "127.0.0.1:0"}
pseudonyms: {key: "${file:pseudonyms}"}
upstreams:
  kapa: {type: kapa, url: "https://api.kapa.ai", project: "${env:PROJECT}", api_key: "${file:key}", source_groups: all}
gate:
  - identify: {schemes: [{api_key: {pepper: "${file:pepper}", keys: []}}]}
"""


async def test_others_on_the_machine_see_no_secret_that_the_operator_did_not_show_them(tmp_path: Path) -> None:
    """`/proc/PID/cmdline` is everybody's, `environ` its owner's: both stay as they were given."""
    secrets = {name: os.urandom(24).hex() for name in ("pseudonyms", "key", "pepper")}
    for name, secret in secrets.items():
        (tmp_path / name).write_text(secret)
    policy = tmp_path / "gateway.yaml"
    policy.write_text(SECRETIVE)
    given = {"PROJECT": "0d2f4c1a-0000-4000-8000-000000000000"}
    async with running(given, [str(policy)]) as gateway:
        shown, environment = (words(gateway.process.pid, file) for file in ("cmdline", "environ"))
    assert shown == [sys.executable.encode(), b"-m", b"kapagate", b"run", str(policy).encode()]
    expected = {"PATH": os.environ["PATH"], **given}
    assert sorted(environment) == sorted(f"{name}={value}".encode() for name, value in expected.items())
    assert not [name for name, secret in secrets.items() if secret.encode() in gateway.said]


async def test_a_unix_socket_outlives_a_crash_no_longer_than_the_next_start(tmp_path: Path) -> None:
    socket = tmp_path / "data.sock"
    arguments = ("policies", *FREE, "--data", f"unix:{socket}")
    async with running(environment_of(tmp_path), arguments) as crashed:
        assert crashed.urls["data"] == f"unix:{socket}"
        crashed.process.kill()
        await crashed.ended()
    assert there(socket)
    async with running(environment_of(tmp_path), arguments) as gateway:
        assert await answered(socket) == 401
        code, _, err = await command("run", *arguments, environment=environment_of(tmp_path))
        assert (code, "another process listens at" in err.splitlines()[-1], "Traceback" in err) == (1, True, False)
        assert await answered(socket) == 401
        gateway.terminate()
        assert await gateway.ended() == 0
    assert not there(socket)


def there(path: Path) -> bool:
    return path.exists()


async def answered(socket: Path) -> int:
    """The status for a stranger."""
    client = ClientSession(connector=UnixConnector(str(socket)))
    async with client, client.get("http://localhost/no/such/route") as answer:
        return answer.status


def open_to_all(path: Path) -> bool:
    """Whether everybody may go there and read."""
    return path.exists() and all(each.stat().st_mode & 0o001 for each in path.resolve().parents)


def interpreter() -> Path | None:
    """A Python of this version that everybody may run: this one, or the system's."""
    name = f"python3.{sys.version_info.minor}"
    places = (Path(sys.executable), Path("/usr/local/bin", name), Path("/usr/bin", name))
    return next((place for place in places if open_to_all(place)), None)


@pytest.fixture
def installed() -> Iterator[Path]:
    """A folder that a stranger may read and write nothing in, with the tree, its policy, and `state` to write in."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser can start a process as somebody else")
    folder = Path(tempfile.mkdtemp(prefix="kapagate-start-"))
    for name in ("kapagate", "policies"):
        copytree(ROOT / name, folder / name)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (folder / "state").mkdir()
    os.chown(folder / "state", SOMEBODY, SOMEBODY)
    yield folder
    rmtree(folder)


async def test_it_starts_as_anybody_without_a_home_from_a_tree_that_it_cannot_write(installed: Path) -> None:
    libraries = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    python = interpreter()
    if python is None or not open_to_all(libraries / "aiohttp"):
        pytest.skip("no Python here that another user may run")
    search = os.pathsep.join((str(installed), str(libraries)))
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-m", "kapagate", "run", "policies", *FREE),
        cwd=installed,
        env={"PYTHONPATH": search, **environment_of(installed / "state")},
        user=SOMEBODY,
        group=SOMEBODY,
        extra_groups=[],
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    await serving(process)
    process.terminate()
    assert await process.wait() == 0
    assert {name.partition("-")[0] for name in written(installed)} == {"state.db", "state.db.owners"}


def written(folder: Path) -> list[str]:
    """The files that are SOMEBODY's."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.stat().st_uid == SOMEBODY]


async def serving(process: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while b'"message":"serving"' not in (line := await process.stderr.readline()):
            assert line, "it has ended"
