from __future__ import annotations

from kapagate.chain.problem import BackendFailed
from kapagate.ledger.ledger import Ledger, LedgerFull
from kapagate.ledger.record import encoded
from kapagate.stores.ring import MemoryLedger


def test_a_full_ledger_is_a_back_end_that_failed() -> None:
    assert issubclass(LedgerFull, BackendFailed)


async def test_the_port_is_what_stores_offer() -> None:
    ledger: Ledger = MemoryLedger()
    await ledger.reserve()
    ledger.fill(encoded({"decision": "d"}))
    await ledger.flush()
    assert [record["decision"] for record in await ledger.query(10)] == ["d"]
    await ledger.close()
