"""Records of what is no exchange: what became of the gateway itself, and what administrators asked of it.

They stand in the same ledger, with the same members as far as they mean something. The `operation` begins with
`system.` or `admin.`.
"""

from __future__ import annotations

from typing import Any

from kapagate.chain.clock import Clock, Ids
from kapagate.ledger.ledger import Ledger
from kapagate.ledger.record import LONGEST_METHOD, LONGEST_NAME, encoded, milliseconds, moment

START, STOP, RELOAD = "system.start", "system.stop", "system.reload"


class Journal:
    """Writes them. None waits and none is refused: where there is no room, a gap record counts it. Strangers take from
    the share, so that a flood of them takes nobody's place.
    """

    def __init__(self, ledger: Ledger, clock: Clock, ids: Ids) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    def note(self, operation: str, policy: str, failure: str = "", **details: Any) -> None:
        """A change of the system, such as START. `failure`: why it did not succeed."""
        members = {"policy": policy, "details": details, "reason": failure}
        self._keep(operation, self._clock.wall(), "failed" if failure else "done", members)

    def called(
        self,
        operation: str,
        method: str,
        path: str,
        client: str,
        key: str,
        roles: tuple[str, ...],
        status: int,
        begun: float,
    ) -> None:
        """A call of an administrator. `key` names the key that was used; `begun` is monotonic."""
        outcome = "answered" if status < 400 else "refused" if status < 500 else "failed"
        took = milliseconds(begun, self._clock.monotonic()) or 0.0
        members = {
            "key": key[:LONGEST_NAME],
            "roles": list(roles),
            "client": client,
            "method": method[:LONGEST_METHOD],
            "endpoint": path,
            "status": status,
        }
        at, stranger = self._clock.wall() - took / 1000, status == 401
        self._keep(operation, at, outcome, {**members, "duration_ms": took}, stranger)

    def _keep(self, operation: str, at: float, outcome: str, members: dict[str, Any], stranger: bool = False) -> None:
        decision = self._ids()
        record = {
            "decision": decision,
            "correlation_id": decision,
            "received_at": moment(at),
            "outcome": outcome,
            "tenant": "none",
            "operation": operation,
            **{name: value for name, value in members.items() if value not in ("", {}, [])},
        }
        if not stranger and self._ledger.take():
            self._ledger.fill(encoded(record))
        else:
            self._ledger.fill_unreserved(encoded(record))
