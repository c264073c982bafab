"""The same corpus against Debian's nginx: `make compare-nginx` writes the table of differences into `docs/hop.md`.

A difference is another outcome: what arrives upstream, or that it is refused, or how the connection goes on. Another
status among refusals is none. `cases/nginx.yaml` holds the judgement on each family of cases: who is right, and why.
For Kapa's paths, which it does not know, nginx is not asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import yaml

from tests.wire import client, cuts
from tests.wire.case import CASES, Case, corpus
from tests.wire.message import Ambiguous, Message
from tests.wire.recorder import recording
from tests.wire.trial import Observed, faults, observe

_FRAMING = ("content-length", "transfer-encoding")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "hop.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
_CONFIG = """\
daemon off; master_process off; worker_processes 1; error_log {folder}/error.log crit; pid {folder}/pid;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_http_version 1.1; proxy_set_header Connection ""; client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port};
    location /a/ {{ proxy_pass http://127.0.0.1:{upstream}; }}
    location /opaque/ {{ proxy_pass http://127.0.0.1:{upstream}; }}
    location /inspected/ {{ proxy_pass http://127.0.0.1:{upstream}; client_max_body_size 1024; }}
    location / {{ return 404; }}
  }}
}}
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def running(program: str, upstream: int) -> AsyncIterator[tuple[str, int]]:
    """nginx as a plain proxy on a free port of loopback, until the block is left."""
    with tempfile.TemporaryDirectory() as folder:
        address = ("127.0.0.1", free_port())
        config = Path(folder) / "nginx.conf"
        config.write_text(_CONFIG.format(folder=folder, port=address[1], upstream=upstream))
        arguments = ("-p", folder, "-e", f"{folder}/error.log", "-c", str(config))
        process = await asyncio.create_subprocess_exec(program, *arguments)
        try:
            await _listening(address)
            yield address
        finally:
            process.terminate()
            await process.wait()


async def _listening(address: tuple[str, int]) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                async with client.connected(address):
                    return
            except ConnectionError:
                await asyncio.sleep(0.05)


async def differences(program: str) -> dict[str, dict[str, str]]:
    """Of each family whose outcome differs: what nginx does with which of its members."""
    client.PATIENCE = 0.5
    found: dict[str, dict[str, str]] = {}
    async with recording() as recorder, running(program, recorder.port) as address:
        for case in corpus("requests"):
            if not case.trusted and not case.name.startswith("kapa_"):
                seen = await _seen(case, address, recorder)
                family, _, member = case.name.partition("[")
                if said := _difference(case, seen):
                    found.setdefault(family, {})[member.rstrip("]")] = said
    return found


async def _seen(case: Case, address: tuple[str, int], recorder: object) -> Observed:
    try:
        return await observe(case, address, recorder, cuts.whole)  # type: ignore[arg-type]  # same shape
    except Ambiguous as cause:
        return Observed(ambiguous=str(cause))


def _difference(case: Case, seen: Observed) -> str:
    """Empty where both come to the same."""
    if not faults(case, seen) or (_refused(case, seen) and not case.arrives):
        return ""
    if seen.ambiguous:
        return "sends on what a strict reader refuses"
    if [each.line for each in case.arrives] != [each.line for each in seen.arrived]:
        more = len(seen.arrived) - len(case.arrives)
        through = "lets it through" if more < 2 else f"lets {more} requests through"
        return (
            (through if more > 0 else "sends it on as it came") if seen.arrived else f"{_told(seen)}, nothing arrives"
        )
    return _fields(case, seen)


def _refused(case: Case, seen: Observed) -> bool:
    """Refused here and there: nothing arrived, and whatever was answered was no success."""
    return not seen.arrived and not seen.ambiguous and all(each.status >= 400 for each in seen.answers)


def _fields(case: Case, seen: Observed) -> str:
    """What differs in requests that both let through."""
    for arrived, expected in zip(seen.arrived, case.arrives, strict=True):
        if arrived.body != expected.body:
            return "another body arrives"
        if any(arrived.all(name) for name in expected.lacks if name not in _FRAMING):
            return "passes the field"
        ours = (*_FRAMING, "via", "x-forwarded-for", "x-forwarded-proto", "x-correlation-id")
        if lost := [name for name, values in expected.has.items() if name not in ours and arrived.all(name) != values]:
            return f"drops or changes {len(lost)} field"
    if any(fault.endswith("reached the upstream") for fault in faults(case, seen)):
        return "passes the field"
    if seen.then != case.then:
        return f"the connection is {seen.then}"
    return "" if _statuses(seen.answers) == [each.status for each in case.answers] else _told(seen)


def _statuses(answers: list[Message]) -> list[int]:
    return [each.status for each in answers]


def _told(seen: Observed) -> str:
    return f"answers {', '.join(map(str, _statuses(seen.answers)))}" if seen.answers else "answers nothing"


def table(found: Mapping[str, Mapping[str, str]], judgements: Mapping[str, str]) -> str:
    lines = ["| cases | nginx | who is right, and why |", "| --- | --- | --- |"]
    for family, members in found.items():
        grouped: dict[str, list[str]] = {}
        for member, said in members.items():
            grouped.setdefault(said, []).append(member)
        said = "; ".join(what + (f" ({', '.join(who)})" if any(who) else "") for what, who in grouped.items())
        lines.append(f"| {family} | {said.replace('|', '&#124;')} | {judgements.get(family, '**not judged yet**')} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        print("nginx is not here: apt-get install nginx-light", file=sys.stderr)
        return 2
    judgements = yaml.safe_load((CASES / "nginx.yaml").read_text()) or {}
    found = asyncio.run(differences(program))
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + table(found, judgements) + "\n" + END + rest.partition(END)[2])
    unjudged = sorted(set(found) - set(judgements))
    print(f"{len(found)} families differ; not judged: {', '.join(unjudged) or 'none'}")
    return 1 if unjudged else 0


if __name__ == "__main__":
    sys.exit(main())
