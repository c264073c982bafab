"""Which records are meant: the filters of `GET /api/admin/audit` and of `kapagate audit`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from msgspec import Struct

_EQUAL = ("tenant", "subject", "outcome", "operation", "correlation_id", "decision")


class Selection(Struct, frozen=True):
    """Records for which all that is given holds. `since` and `until` (not included) are as in `received_at`.

    `verdict` is `<step>` (the step had something to say other than that it let it pass) or `<step>:<outcome>`, where
    the outcome is one of the request or what is said of the answer (`ask:changed`, `answer:incomplete`).
    """

    tenant: str = ""
    subject: str = ""
    outcome: str = ""
    operation: str = ""
    correlation_id: str = ""
    decision: str = ""
    since: str = ""
    until: str = ""
    verdict: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Selection:
        """From names and texts. Raises ValueError that says which one is wrong."""
        for name in given:
            if name not in cls.__struct_fields__:
                raise ValueError(f"there is no filter {name!r}; there are {', '.join(cls.__struct_fields__)}")
        moments = {name: canonical(given[name]) for name in ("since", "until") if given.get(name)}
        return cls(**{**given, **moments})

    def matches(self, record: Mapping[str, Any]) -> bool:
        for name in _EQUAL:
            wanted = getattr(self, name)
            if wanted and record.get(name) != wanted:
                return False
        at = record.get("received_at", "")
        if (self.since and at < self.since) or (self.until and at >= self.until):
            return False
        return not self.verdict or self._verdict(record.get("verdicts") or {})

    def needles(self) -> Iterator[bytes]:
        """What the text of every such record contains: a whole batch without it need not be read."""
        for name in _EQUAL:
            if wanted := getattr(self, name):
                yield orjson.dumps({name: wanted})[1:-1]
        if self.verdict:
            yield orjson.dumps(self.verdict.partition(":")[0])

    def _verdict(self, verdicts: Mapping[str, Mapping[str, Any]]) -> bool:
        step, _, outcome = self.verdict.partition(":")
        verdict = verdicts.get(step)
        if verdict is None:
            return False
        if not outcome:
            return any(value not in ("passed", "enforced") for value in verdict.values())
        return verdict.get("outcome") == outcome or str(verdict.get("answer", "")).partition("(")[0] == outcome


EVERYTHING = Selection()


def canonical(moment: str) -> str:
    """A moment with its offset as records write it, in UTC. Raises ValueError."""
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise ValueError(f"expected a moment such as 2027-01-31T00:00:00Z, got {moment!r}") from None
    if at.tzinfo is None:
        raise ValueError(f"say the offset from UTC, such as 2027-01-31T00:00:00Z, got {moment!r}")
    try:
        return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        raise ValueError(f"{moment!r} is out of range") from None
