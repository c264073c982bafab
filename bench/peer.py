"""The peers: how each is found, configured and started. The configurations lie in `bench/peers/NAME/`.

`@NAME@` in a configuration stands for what differs between runs: ports, folders, keys. A peer that this machine does
not have is absent, and the tables say so.
"""

from __future__ import annotations

import os
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from grp import getgrgid
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from pwd import getpwuid

import orjson

from bench.load import Question
from bench.process import ROOT, Process, spawned

CONFIGURATIONS = ROOT / "bench" / "peers"
ENVIRONMENTS = ROOT / ".peers"
DEBIAN = ENVIRONMENTS / "debian" / "root"
_PATIENCE = 120.0  # LiteLLM compiles itself for a minute when it starts for the first time


@dataclass(frozen=True, slots=True)
class Setting:
    """Of one start: ports, the folder for what it writes, and the keys of who asks and of Kapa."""

    port: int
    admin: int
    upstream: int
    folder: Path
    signing: str
    key: str
    master: str
    longest_answer: int = 8000

    def values(self) -> Mapping[str, str]:
        secret = urlsafe_b64encode(self.signing.encode()).rstrip(b"=").decode()
        return {
            "PORT": str(self.port),
            "ADMIN": str(self.admin),
            "UPSTREAM": str(self.upstream),
            "FOLDER": str(self.folder),
            "JWKS": orjson.dumps({"keys": [{"kty": "oct", "alg": "HS256", "k": secret}]}).decode(),
            "KEY": self.key,
            "MASTER": self.master,
            "USER": getpwuid(os.getuid()).pw_name,
            "GROUP": getgrgid(os.getgid()).gr_name,
            "LONGEST": str(self.longest_answer),
        }


@dataclass(frozen=True, slots=True)
class Peer:
    """`lacks` is what of the chain it cannot do, or is not asked to do here; `knows` what its version is read from."""

    name: str
    files: tuple[str, ...]
    program: Callable[[], Path | None]
    arguments: Callable[[Setting, Path], list[str | Path]]
    lacks: str
    version: Callable[[Path], str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def started(self, setting: Setting, asked: Question, core: int) -> Iterator[tuple[Process, float]]:
        """The process, and the seconds until it answered. Raises RuntimeError with the end of what it wrote."""
        program = self.program()
        if program is None:
            raise RuntimeError(f"{self.name} is absent")
        configured(self.files, setting)
        log = setting.folder / f"{self.name.replace(' ', '-')}.log"
        begun = time.perf_counter()
        command = [program, *self.arguments(setting, setting.folder)]
        environment = {**libraries(program), **self.environment}
        with log.open("wb") as out, spawned(command, core, environment, out, subprocess.STDOUT) as process:
            until_answered(process, setting.port, asked, log)
            yield process, time.perf_counter() - begun


def configured(files: tuple[str, ...], setting: Setting) -> None:
    """Writes the configurations into the setting's folder. Raises ValueError when a placeholder is left."""
    values = setting.values()
    for name in files:
        text = (CONFIGURATIONS / name).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        (setting.folder / Path(name).name).write_text(text)


def libraries(program: Path) -> Mapping[str, str]:
    """Where a program that was only unpacked finds its libraries."""
    found = sorted({each.parent for each in DEBIAN.glob("usr/lib/*/*.so*")})
    return {"LD_LIBRARY_PATH": ":".join(map(str, found))} if program.is_relative_to(DEBIAN) else {}


def until_answered(process: Process, port: int, asked: Question, log: Path) -> None:
    deadline, status, answer = time.monotonic() + _PATIENCE, 0, b""
    while time.monotonic() < deadline and process.child.poll() is None:
        status, answer = once(port, asked)
        if status == 200 and asked.expected in answer:
            return
        if status:
            break
        time.sleep(0.01)
    said = log.read_bytes()[-600:].decode("utf-8", "replace")
    raise RuntimeError(f"{process.child.args!r} answered {status} {answer[:300]!r}: {said}")


def once(port: int, asked: Question) -> tuple[int, bytes]:
    """Status and body; 0 when nobody answers."""
    head, _, body = asked.request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    fields = dict(line.split(": ", 1) for line in lines)
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()
