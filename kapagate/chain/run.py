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

from kapagate.answer.codec import Codec
from kapagate.answer.pump import pump, pump_whole
from kapagate.answer.rules import AnswerRules
from kapagate.answer.watched import Watched
from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.compose import Named
from kapagate.chain.exchange import Exchange
from kapagate.chain.faults import forget_frames, problem_of
from kapagate.chain.holdings import Holdings
from kapagate.chain.hop import Inbound
from kapagate.chain.outlet import Cut, Outlet
from kapagate.chain.principal import TENANT
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.response import Response, Truncated
from kapagate.chain.shares import Shares
from kapagate.chain.sink import Sink
from kapagate.chain.step import OnRequest
from kapagate.chain.succession import succession
from kapagate.chain.upstream import Adapter, Upstream
from kapagate.chain.verdict import PASSED

log = logging.getLogger(__name__)


async def run(
    ex: Exchange, sink: Sink, clock: Clock, shares: Shares | None = None, holdings: Holdings | None = None
) -> None:
    """From the admitted request to the record of what was done. Raises nothing but cancellation."""
    outlet = Outlet(ex, sink, clock)
    try:
        try:
            await _deliver(await _respond(ex, shares, holdings), ex, outlet)
        except Exception as cause:
            if outlet.opened and isinstance(cause, Truncated):
                raise
            ex.refusal = problem_of(cause, ex)
            await _deliver(outlet.refusal(ex.refusal), ex, outlet)
    except BaseException as cause:
        ex.broken = cause
        ex.gone = ex.gone or isinstance(cause, Gone)
        sink.cut()
        if not isinstance(cause, Gone | Exception):
            raise
        if not isinstance(cause, Gone | Cut | Truncated):
            log.exception("an exchange broke", extra={"exchange": ex})
    finally:
        ex.times.ended = clock.monotonic()
        if shares is not None and ex.share:
            shares.give_back(ex.share)
        if holdings:
            holdings.give_back(ex.decision)
        _finish(ex)
        forget_frames(ex.refusal)
        forget_frames(ex.broken)


async def _respond(ex: Exchange, shares: Shares | None, holdings: Holdings | None) -> Response:
    if holdings is not None:
        ex.request.body = holdings.body(ex.request.body, ex.decision)
    response = await _first(ex, ex.chain.gate)
    if response is None:
        tenant = ex.get(TENANT)
        if tenant is not None:
            if shares is not None:
                ex.step = ""
                ex.share = shares.take(tenant.name)
            ex.chain = ex.generation.chain(ex.route, ex.request.method, tenant)
        response = await _first(ex, ex.chain.request)
    ex.step = ""
    if response is not None:
        return response
    if ex.route.serve is not None:
        return await ex.route.serve(ex)
    assert ex.route.upstream is not None, "a route is served or has an upstream"  # noqa: S101 - checked at load
    return await _forward(ex, ex.route.upstream, holdings)


async def _first(ex: Exchange, hooks: Named[OnRequest]) -> Response | None:
    """The first answer among request hooks; without one the request goes on."""
    verdicts = ex.verdicts
    for name, hook in hooks:
        ex.step = name
        response = await hook(ex)
        if response is not None:
            ex.verdict().outcome = "answered"
            return response
        if name not in verdicts:
            verdicts[name] = PASSED
    return None


async def _forward(ex: Exchange, upstream: Upstream, holdings: Holdings | None) -> Response:
    adapter = upstream.adapter
    head = await upstream.hop.send(await adapter.outbound(ex), ex)
    response = ex.response = Response(head.status, body=head.body, length=head.length)
    try:
        codec, inspects = _codec(ex, adapter, head)
        bodiless = ex.request.method == "HEAD" or head.status in (204, 304)
        if codec is not None:
            response.length, response.codec = None, None if bodiless else codec
            if holdings is not None and (codec.whole or adapter.holds(ex)):
                response.body = holdings.answer(head.body, head.length, ex.decision)
        elif ex.chain.answer and not bodiless and head.length != 0 and not _watch(ex, adapter, head, response):
            _say_unread(ex)
        response.headers = adapter.headers(ex, head, inspects)
    except BaseException:
        await _close(head.body)
        raise
    return response


def _codec(ex: Exchange, adapter: Adapter, head: Inbound) -> tuple[Codec | None, bool]:
    """The answer's codec, and whether the answer is read. One that no rule would act on may be unreadable."""
    inspects = ex.chain.inspects
    try:
        return adapter.inbound(ex, head, inspects), inspects
    except Problem as cause:
        if cause.kind is not problems.UPSTREAM_UNINSPECTABLE or any(rules.binding for rules in _rules(ex)):
            raise
    return adapter.inbound(ex, head, False), False


def _watch(ex: Exchange, adapter: Adapter, head: Inbound, response: Response) -> bool:
    """Lets shadows look at an answer that nobody else would read, as it passes. Whether it can be read at all."""
    try:
        codec = None if ex.chain.inspects else adapter.inbound(ex, head, True)
    except Problem:
        return False
    if codec is not None and response.body is not None:
        response.body = Watched(response.body, codec, _rules(ex), ex.report)
    return codec is not None


def _say_unread(ex: Exchange) -> None:
    """The verdict of every step that would have had rules for an answer that passes as it is."""
    for rules in _rules(ex):
        verdict = ex.verdict(rules.step)
        verdict.outcome, verdict.reason = "skipped", "uninspectable"


async def _deliver(response: Response, ex: Exchange, outlet: Outlet) -> None:
    """Pieces leave as they come. Where somebody seals, or all comes at once, one is kept in hand, so that the last is
    known as the last before it leaves.
    """
    if not outlet.opened:
        ex.response = response
    body, codec, kept = response.body, response.codec, b""
    try:
        at_once = response.local
        if body is not None and codec is not None:
            if codec.whole:
                kept = await pump_whole(body, codec, [*_rules(ex), *ex.upstream_rules], ex.report)
                body = None
            else:
                at_once = ex.route.upstream is not None and ex.route.upstream.adapter.holds(ex)
                rules, switches = [*_rules(ex), *ex.upstream_rules], None if at_once else succession(ex)
                body = pump(body, codec, rules, at_once, ex.report, switches)
        keeps = at_once or (bool(ex.chain.seal) and not ex.route.endless)
        if ex.route.endless and codec is not None and not codec.whole and not at_once:
            await outlet.write(b"", last=False)
        if body is not None:
            async for piece in body:
                kept, leaves = (piece, kept) if keeps else (b"", piece)
                if leaves:
                    await outlet.write(leaves, last=False)
    except BaseException:
        await _close(body)
        await _close(response.body)
        raise
    await outlet.write(kept, last=True)


def _rules(ex: Exchange) -> list[AnswerRules]:
    """What all answer hooks want of this answer."""
    found = []
    for name, hook in ex.chain.answer:
        ex.step = name
        if rules := hook(ex):
            found.append(rules)
    ex.step = ""
    return found


async def _close(body: AsyncIterator[bytes] | None) -> None:
    """Gives the upstream's connection up: what is left of its answer will not be read."""
    closing = getattr(body, "aclose", None)
    if closing is not None:
        await closing()


def _finish(ex: Exchange) -> None:
    for name, hook in ex.chain.done:
        ex.step = name
        try:
            hook(ex)
        except Exception:
            log.exception("done hook of step %s failed", ex.step, extra={"exchange": ex})
