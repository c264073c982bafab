"""Pages of other origins that may ask the admin port from a browser (Fetch Standard, "CORS protocol")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aiohttp import web

PREFLIGHT_SECONDS = 600


def let_ask(app: web.Application, routes: Iterable[web.AbstractRoute], origins: Sequence[str]) -> None:
    """Answers preflights for these routes, and lets pages of these origins read what the routes answer, refusals too.

    What other origins ask is answered as ever: without the fields their browsers keep it from them.
    """
    import aiohttp_cors  # few gateways let pages ask

    options = {"allow_headers": "*", "expose_headers": ("Retry-After",), "max_age": PREFLIGHT_SECONDS}
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in routes:
        cors.add(route)
