"""The life of an exchange.

  gate, chain   request hooks 1..n      who asks, may they, and with what?
  hop           the upstream            the first of these that answers, answers
  answer        n..1, then the pump     what may be said?
  opening       n..1                    once, when the head is about to leave
  seal          n..1                    before the last bytes leave
  done          1..n                    once, whatever happened

A refusal is raised where it is noticed and told in one place, here. `Gone` comes only out of hop, sink and the client's
body, and is no Exception: no hook can swallow it, and a leaving client interrupts none.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from kapagate.answer.pump import pump
from kapagate.chain.clock import Clock
from kapagate.chain.compose import Named
from kapagate.chain.exchange import Exchange
from kapagate.chain.faults import problem_of
from kapagate.chain.outlet import Cut, Outlet, with_last
from kapagate.chain.principal import TENANT
from kapagate.chain.problem import Gone
from kapagate.chain.response import Response, Truncated
from kapagate.chain.sink import Sink
from kapagate.chain.step import OnRequest
from kapagate.chain.upstream import Upstream

log = logging.getLogger(__name__)


async def run(ex: Exchange, sink: Sink, clock: Clock) -> None:
    """From the admitted request to the record of what was done. Raises nothing but cancellation."""
    outlet = Outlet(ex, sink, clock)
    try:
        try:
            await _deliver(await _respond(ex), ex, outlet)
        except Exception as cause:
            if outlet.opened and isinstance(cause, Truncated):
                raise
            ex.refusal = problem_of(cause, ex)
            await _deliver(outlet.refusal(ex.refusal), ex, outlet)
    except (Gone, Exception) as cause:
        ex.broken = cause
        if not isinstance(cause, Gone | Cut | Truncated):
            log.exception("an exchange broke", extra={"exchange": ex})
        sink.cut()
    finally:
        ex.times.ended = clock.monotonic()
        _finish(ex)


async def _respond(ex: Exchange) -> Response:
    response = await _first(ex, ex.chain.gate)
    if response is None:
        tenant = ex.get(TENANT)
        if tenant is not None:
            ex.chain = ex.generation.chain(ex.route, ex.request.method, tenant)
        response = await _first(ex, ex.chain.request)
    ex.step = ""
    if response is not None:
        return response
    if ex.route.serve is not None:
        return await ex.route.serve(ex)
    assert ex.route.upstream is not None, "a route is served or has an upstream"  # noqa: S101 - checked at load
    return await _forward(ex, ex.route.upstream)


async def _first(ex: Exchange, hooks: Named[OnRequest]) -> Response | None:
    """The first answer among request hooks; without one the request goes on."""
    for name, hook in hooks:
        ex.step = name
        response = await hook(ex)
        verdict = ex.verdict()
        if response is not None:
            verdict.outcome = "answered"
            return response
    return None


async def _forward(ex: Exchange, upstream: Upstream) -> Response:
    adapter, inspects = upstream.adapter, ex.chain.inspects
    head = await upstream.hop.send(await adapter.outbound(ex), ex)
    response = Response(head.status, body=head.body, length=head.length)
    ex.response = response
    response.codec = adapter.inbound(ex, head, inspects)
    response.headers = adapter.headers(ex, head, inspects)
    if response.codec is not None:
        response.length = None
    return response


async def _deliver(response: Response, ex: Exchange, outlet: Outlet) -> None:
    if ex.refusal is not None and ex.response is not None:
        await _close(ex.response)
    if not outlet.opened:
        ex.response = response
    async for piece, last in with_last(_inspected(response, ex)):
        if last:
            for name, seal in ex.chain.seal:
                ex.step = name
                await seal(ex)
        await outlet.write(piece, last)


def _inspected(response: Response, ex: Exchange) -> AsyncIterator[bytes] | None:
    """The body through the pump, where there is a codec to read it with."""
    if response.codec is None or response.body is None:
        return response.body
    rules = []
    for name, hook in ex.chain.answer:
        ex.step = name
        found = hook(ex)
        if found is not None:
            rules.append(found)
    held = ex.route.upstream is not None and ex.route.upstream.adapter.holds(ex)
    return pump(response.body, response.codec, rules, held, ex.report)


async def _close(response: Response) -> None:
    """Gives the upstream's connection up: what is left of its answer will not be read."""
    closing = getattr(response.body, "aclose", None)
    if closing is not None:
        await closing()


def _finish(ex: Exchange) -> None:
    for name, hook in ex.chain.done:
        ex.step = name
        try:
            hook(ex)
        except Exception:
            log.exception("done hook of step %s failed", ex.step, extra={"exchange": ex})
