"""The doors beside the data port: opened at start, closed last, on loopback only called by their own names."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from kapagate.access.hosts import is_loopback
from kapagate.policy.gateway import Address
from kapagate.web.answers import problems_only
from kapagate.web.loopback import called_by_its_name
from kapagate.web.pages import let_ask

GRACE = 1.0
LONGEST_BODY = 1 << 16


class Unguarded(ValueError):
    """The admin port would be open to other machines without credentials."""


class Door:
    """One listening port."""

    def __init__(self, runner: web.AppRunner, address: Address) -> None:
        self._runner = runner
        self.address = address

    @classmethod
    async def open(
        cls,
        address: Address,
        routes: Sequence[web.RouteDef],
        checks_host: bool = False,
        origins: Sequence[str] = (),
        pages: Sequence[web.RouteDef] = (),
    ) -> Door:
        """Listens. Raises OSError when the address is taken. `address` of the door has the port that it got. `pages`:
        further routes, which pages of these origins may ask.
        """
        middlewares = [problems_only, called_by_its_name] if checks_host else [problems_only]
        app = web.Application(middlewares=middlewares, client_max_size=LONGEST_BODY)
        app.add_routes(routes)
        asked = app.add_routes(pages)
        if origins:
            let_ask(app, asked, origins)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=GRACE)
        await runner.setup()
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except BaseException:
            await runner.cleanup()
            raise
        return cls(runner, Address(address.host, runner.addresses[0][1]))

    async def close(self) -> None:
        """Stops listening; requests under way get GRACE seconds."""
        await self._runner.cleanup()


async def open_doors(
    probe: Address | None,
    admin: Address,
    probe_routes: Sequence[web.RouteDef],
    admin_routes: Sequence[web.RouteDef],
    guarded: bool,
    origins: Sequence[str] = (),
) -> list[Door]:
    """The admin door, and the probe door where it has an address of its own; else both are one. Two free ports are two.

    `guarded`: the admin routes ask for credentials. `origins`: whose pages may ask them from a browser. Raises
    Unguarded, OSError; then no door is left open.
    """
    if not guarded and not is_loopback(admin.host):
        raise Unguarded(f"the admin port on {admin} needs admin keys: without them it opens on loopback alone")
    together = probe is None or (probe == admin and admin.port != 0)
    shared, local = probe_routes if together else (), is_loopback(admin.host)
    doors = [await Door.open(admin, shared, checks_host=local, origins=origins, pages=admin_routes)]
    if probe is not None and not together:
        try:
            doors.append(await Door.open(probe, probe_routes, checks_host=is_loopback(probe.host)))
        except BaseException:
            await doors[0].close()
            raise
    return doors
