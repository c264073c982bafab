"""What the record of an exchange says beyond what every record says: figures that stay at the gateway."""

from __future__ import annotations

from collections.abc import Mapping

from kapagate.chain.fact import Fact

DETAILS: Fact[Mapping[str, float]] = Fact("details")
