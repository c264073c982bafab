"""What steps in shadow would have done, by tenant, step and rule: what to look at before they are let act.

A disagreement is an exchange that its client would have got otherwise with the shadow enforced: it would have refused
or changed what was let through. Where another step refused as well, both agree. What was counted stands as long as the
step is declared as it was when it was counted; another declaration begins anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct, field

from kapagate.chain.compose import Placed
from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Generation
from kapagate.chain.principal import NO_TENANT, TENANT
from kapagate.ledger.record import moment

SAMPLES = 5
MOST_RULES = 64
MOST_WATCHES = 10_000
LONGEST_RULE = 64
OTHER = "other"


class Rule(Struct):
    """What one rule of a step would have done, in exchanges; the decisions of the latest of them."""

    would_refuse: int = 0
    would_change: int = 0
    last: float = 0.0
    decisions: deque[str] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def document(self, name: str) -> dict[str, Any]:
        told = {"rule": name, "would_refuse": self.would_refuse, "would_change": self.would_change}
        return {**told, "last": moment(self.last), "decisions": [*self.decisions][::-1]}


class Watch(Struct):
    """One step in shadow for one tenant, in exchanges. `last` is when the last disagreement was received, wall time."""

    placed: Placed
    exchanges: int = 0
    would_refuse: int = 0
    would_change: int = 0
    failed: int = 0
    skipped: int = 0
    disagreements: int = 0
    last: float = 0.0
    decision: str = ""
    rules: dict[str, Rule] = field(default_factory=dict)

    def note(self, ex: Exchange, step: str) -> None:
        verdict, share = ex.verdicts.get(step), ex.report.steps.get(step)
        outcome = verdict.outcome if verdict is not None else "passed"
        refuses = {verdict.rule or verdict.reason} if verdict is not None and outcome == "refused" else set()
        changes = set(verdict.counts) or {"request"} if verdict is not None and outcome == "changed" else set()
        changes |= {"answer"} if outcome == "answered" else set()
        if share is not None:
            refuses |= share.would_refuse.keys()
            changes |= share.would_edit.keys()
        self.exchanges += 1
        self.would_refuse += bool(refuses)
        self.would_change += bool(changes)
        self.failed += outcome == "failed"
        self.skipped += outcome == "skipped" or (share is not None and share.skipped is not None)
        for name in refuses | changes:
            rule = self._rule(name)
            rule.would_refuse += name in refuses
            rule.would_change += name in changes
            rule.last = ex.received_at
            rule.decisions.append(ex.decision)
        if (refuses or changes) and ex.refusal is None:
            self.disagreements += 1
            self.last, self.decision = ex.received_at, ex.decision

    def _rule(self, name: str) -> Rule:
        name = name[:LONGEST_RULE]
        if name not in self.rules and len(self.rules) >= MOST_RULES:
            name = OTHER
        return self.rules.setdefault(name, Rule())

    def document(self, tenant: str, step: str, now: float) -> dict[str, Any]:
        counted = ("exchanges", "would_refuse", "would_change", "failed", "skipped", "disagreements")
        seconds = round(max(0.0, now - self.last), 3)
        last = {"at": moment(self.last), "seconds_ago": seconds, "decision": self.decision}
        return {
            "tenant": tenant,
            "step": step,
            **{name: getattr(self, name) for name in counted},
            "last_disagreement": last if self.disagreements else None,
            "rules": [rule.document(name) for name, rule in sorted(self.rules.items())],
        }


class Shadows:
    """All of them, since wall time `since`. Bounded: what is one too many is counted with tenant `other`."""

    def __init__(self, since: float) -> None:
        self._since = since
        self._live: Generation | None = None
        self._watches: dict[tuple[str, str], Watch] = {}

    def note(self, ex: Exchange, step: str) -> None:
        """The shadow is done with the exchange."""
        tenant = ex.facts.get(TENANT, NO_TENANT).name
        watch = self._watches.get((tenant, step)) or self._begun(ex, tenant, step)
        if watch is not None:
            watch.note(ex, step)

    def _begun(self, ex: Exchange, tenant: str, step: str) -> Watch | None:
        """None for a step that is declared otherwise by now."""
        placed, now = _placed(ex.generation, tenant, step), _placed(self._live or ex.generation, tenant, step)
        if placed is None or now is None or not _equal(placed, now):
            return None
        if len(self._watches) >= MOST_WATCHES:
            tenant = OTHER
        return self._watches.setdefault((tenant, step), Watch(now))

    def keep(self, generation: Generation) -> None:
        """This is the live one: what is not in shadow there, or declared otherwise, is forgotten."""
        self._live = generation
        for (tenant, step), watch in [*self._watches.items()]:
            now = _placed(generation, tenant, step)
            if now is None or not _equal(watch.placed, now):
                del self._watches[tenant, step]

    def document(self, now: float) -> dict[str, Any]:
        """`steps` are all that are in shadow, `shadows` those that met an exchange, the latest disagreement first."""
        watches = sorted(self._watches.items(), key=lambda each: (-each[1].last, each[0]))
        steps = {placed.id: None for placed in _shadows(self._live)} if self._live is not None else {}
        return {
            "since": moment(self._since),
            "checked_at": moment(now),
            "steps": [*steps],
            "shadows": [watch.document(tenant, step, now) for (tenant, step), watch in watches],
        }


def _equal(one: Placed, other: Placed) -> bool:
    same = one is other or (one.declaration == other.declaration and one.options == other.options)
    return same and other.options.mode == "shadow"


def _placed(generation: Generation, tenant: str, step: str) -> Placed | None:
    """The step as it is for a tenant; the gateway's own for those that have none of their own, or are not known."""
    known = generation.tenants.get(tenant)
    if known is None and tenant not in (NO_TENANT.name, OTHER):
        return None
    steps = known.steps if known is not None and known.steps is not None else generation.steps
    own = (placed for route in generation.routes.routes for placed in route.gate or ())
    return next((placed for lane in (steps.chain, steps.gate, own) for placed in lane if placed.id == step), None)


def _shadows(generation: Generation) -> Iterator[Placed]:
    steps = generation.steps
    chains = {id(each.steps): each.steps.chain for each in generation.tenants.values() if each.steps is not None}
    lanes: list[Iterable[Placed]] = [steps.gate, steps.chain, *chains.values()]
    lanes += [route.gate or () for route in generation.routes.routes]
    for lane in lanes:
        yield from (placed for placed in lane if placed.options.mode == "shadow")
