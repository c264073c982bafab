"""`kapagate stand-in`: a stand-in Kapa, for demos and tests only."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import click
import orjson

from kapagate.standin.directives import FaultError, Faults, parse_faults
from kapagate.standin.projects import DEFAULT_PROJECTS
from kapagate.standin.server import StandIn

_DEFAULT = next(iter(DEFAULT_PROJECTS.items()))


class _Address(click.ParamType[tuple[str, int]]):
    name = "HOST:PORT"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            self.fail(f"{value!r} is not HOST:PORT", param, ctx)
        return host.strip("[]"), int(port)


class _FaultsType(click.ParamType[Faults]):
    name = "JSON"

    def convert(self, value: str | Faults, param: click.Parameter | None, ctx: click.Context | None) -> Faults:
        if isinstance(value, Faults):
            return value
        try:
            return parse_faults(_read_object(_read_text(value)))
        except FaultError as error:
            self.fail(str(error), param, ctx)


def _read_text(value: str) -> str:
    """The JSON itself, or that of the file at a path."""
    if value.lstrip().startswith(("{", "[")):
        return value
    try:
        return Path(value).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise FaultError(f"there is no file {value!r} that can be read, and it is no JSON object") from None


def _read_object(text: str) -> dict[str, object]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, dict):
        return value
    raise FaultError('a JSON object is needed, such as {"latency": 0.2, "pii": true}')


@click.command("stand-in")
@click.option("--listen", type=_Address(), default="127.0.0.1:8090", show_default=True, help="Port 0 takes a free one.")
@click.option("--project", "projects", type=click.UUID, multiple=True, help="A project id; repeat it with its --key.")
@click.option("--key", "keys", multiple=True, help="The API key of the project at the same place.")
@click.option(
    "--faults",
    type=_FaultsType(),
    default="{}",
    help='For every request, such as {"latency": 0.2, "pii": true}, or the path of a file with it.',
)
@click.option("--limit", type=click.IntRange(min=0), help="Chats a minute per key, as Kapa has it: 20.")
def stand_in(
    listen: tuple[str, int], projects: tuple[object, ...], keys: tuple[str, ...], faults: Faults, limit: int | None
) -> None:
    """Serve a stand-in for Kapa's API, for demos and tests only."""
    if len(projects) != len(keys):
        raise click.UsageError("give one --key for every --project")
    known = dict(zip(map(str, projects), keys, strict=True)) or DEFAULT_PROJECTS
    host, port = listen
    try:
        asyncio.run(_serve(StandIn(projects=known, faults=faults, host=host, port=port, limit=limit), known))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


async def _serve(kapa: StandIn, projects: Mapping[str, str]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with kapa:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        click.echo(f"stand-in Kapa, for demos and tests only: {kapa.url}{_describe(projects)}")
        await stopped.wait()


def _describe(projects: Mapping[str, str]) -> str:
    """The keys that everybody knows may be shown; those that were given may not."""
    return f" (project {_DEFAULT[0]}, key {_DEFAULT[1]})" if projects is DEFAULT_PROJECTS else ""
