"""How long the records of a policy are kept."""

from __future__ import annotations

from kapagate.chain.generation import Generation
from kapagate.filters.audit import Audit
from kapagate.ledger.retention import Retention


def retention_of(generation: Generation) -> Retention:
    """What its audits ask for, those of tenants too."""
    retention = Retention()
    for steps in (generation.steps, *(each.steps for each in generation.tenants.values() if each.steps)):
        for placed in (*steps.gate, *steps.chain):
            if isinstance(placed.declaration, Audit) and placed.options.mode != "off":
                retention.ask(placed.declaration.retention, placed.declaration.max_size)
    return retention
