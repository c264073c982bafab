"""`kapagate run`: the gateway, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click

from kapagate.cli.codes import FAILED, INVALID_POLICY
from kapagate.cli.loop import run_loop
from kapagate.cli.offline import report
from kapagate.machine.heap import settle
from kapagate.machine.process import confine, is_root
from kapagate.policy.gateway import Address, UnixAddress, parse_address, parse_data_address
from kapagate.remote.references import References
from kapagate.run import Addresses, Gateway, InvalidPolicy, open_gateway
from kapagate.telemetry.logs import configure
from kapagate.telemetry.verbosity import Verbosity

log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class AddressType(click.ParamType[Address]):
    """HOST:PORT; port 0 takes a free one."""

    name = "HOST:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        try:
            return parse_address(value)
        except ValueError as cause:
            self.fail(str(cause), param, ctx)


class DataAddressType(click.ParamType[Address | UnixAddress]):
    """HOST:PORT or unix:PATH."""

    name = "HOST:PORT|unix:PATH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address | UnixAddress:
        try:
            return parse_data_address(value)
        except ValueError as cause:
            self.fail(str(cause), param, ctx)


@click.command("run")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option("--env", "environment", metavar="NAME", help="The environment to lay over the gateway's document.")
@click.option("--data", type=DataAddressType(), help="Where applications ask; wins over the policy's listen.data.")
@click.option("--probe", type=AddressType(), help="Health and metrics; wins over listen.probe.")
@click.option("--admin", type=AddressType(), help="Administration; wins over listen.admin.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Wins over the policy's log.level, which is info where it says nothing.",
)
@click.pass_context
def run(
    ctx: click.Context,
    paths: tuple[Path, ...],
    environment: str | None,
    data: Address | UnixAddress | None,
    probe: Address | None,
    admin: Address | None,
    log_level: str | None,
) -> None:
    """Serve with the policy in PATH until SIGTERM or SIGINT, then finish what runs; a second signal cuts it.

    The policy is loaded again when its files change and on SIGHUP; one with errors changes nothing.

    Logs go to standard error, one JSON object a line. Exit codes: 0 stopped, 1 failed at run time (an address is
    taken, the state's folder is not there), 2 usage, 3 invalid policy.
    """
    configure(log_level or "info")
    confine()
    try:
        verbosity = Verbosity(sys.stderr.buffer, log_level, logging.getLogger())
        run_loop(_serve(paths, Addresses(data, probe, admin), environment, verbosity))
    except InvalidPolicy as invalid:
        click.echo(report(invalid.loaded), err=True)
        click.echo(invalid.loaded.summary(), err=True)
        ctx.exit(INVALID_POLICY)
    except (OSError, ValueError) as cause:
        click.echo(f"kapagate: {_said(cause)}", err=True)
        ctx.exit(FAILED)
    finally:
        _let_go_of_the_log()


def _said(cause: OSError | ValueError) -> str:
    """What failed, and at which file where it was one."""
    said = getattr(cause, "strerror", None) or str(cause)
    return f"{cause.filename}: {said}" if isinstance(cause, OSError) and cause.filename else said


async def _serve(paths: tuple[Path, ...], addresses: Addresses, environment: str | None, verbosity: Verbosity) -> None:
    stop, again, changed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, _heed, stop, again)
    loop.add_signal_handler(signal.SIGHUP, changed.set)
    async with open_gateway(paths, References(os.environ), addresses, verbosity, environment) as gateway:
        urls = {"data": gateway.data_url, "probe": gateway.probe_url, "admin": gateway.admin_url}
        settle()
        loop.add_signal_handler(signal.SIGHUP, gateway.ask_reload)
        if changed.is_set():
            gateway.ask_reload()
        if is_root():
            log.warning("running as root: give it a user of its own, it needs no rights")
        log.info("serving", extra=urls)
        await stop.wait()
        log.info("stopping")
        gateway.lifecycle.draining = True
        await _stop(gateway, again)
    log.info("stopped")


def _heed(stop: asyncio.Event, again: asyncio.Event) -> None:
    """The first signal stops, the second cuts; a third is the system's, and ends the process where it stands."""
    if stop.is_set():
        again.set()
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
    stop.set()


async def _stop(gateway: Gateway, again: asyncio.Event) -> None:
    """Until everything has ended, its time is over, or the signal comes again."""
    draining, told = asyncio.create_task(_drain(gateway)), asyncio.create_task(again.wait())
    await asyncio.wait((draining, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not draining.done():
        log.warning("told to stop again: what still runs is cut")
        draining.cancel()
    with suppress(asyncio.CancelledError):
        await draining


async def _drain(gateway: Gateway) -> None:
    await asyncio.sleep(gateway.drain_delay)
    await gateway.drain()


def _let_go_of_the_log() -> None:
    """Python ends with 120 when it cannot flush: a reader of the log that has gone away is no failure of ours."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
