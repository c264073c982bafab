from __future__ import annotations

from typing import Any

import pytest

from kapagate.chain.problem import BackendFailed, Problem
from kapagate.ledger.ledger import Page
from kapagate.ledger.record import encoded
from kapagate.ledger.selection import Selection
from kapagate.stores.ring import MemoryLedger
from kapagate.web.audit import audit_of, told_audit


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    for number in range(1, 8):
        row = {
            "decision": str(number),
            "tenant": "acme" if number % 2 else "globex",
            "received_at": f"2026-01-0{number}T00:00:00.000Z",
            "verdicts": {"ask": {"outcome": "changed" if number == 3 else "passed"}},
        }
        assert ledger.take()
        ledger.fill(encoded(row))
    return ledger


def decisions(told: Any) -> str:
    return "".join(record["decision"] for record in told["records"])


async def test_all_records_are_told_the_newest_first(ledger: MemoryLedger) -> None:
    told = await told_audit(ledger, "")
    assert (decisions(told), told["cursor"]) == ("7654321", None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tenant=acme", "7531"),
        ("tenant=acme&since=2026-01-03T00:00:00Z", "753"),
        ("since=2026-01-03T01:00:00%2B01:00&until=2026-01-05T00:00:00Z", "43"),
        ("verdict=ask:changed", "3"),
        ("verdict=ask", "3"),
        ("decision=5", "5"),
        ("tenant=nobody", ""),
    ],
)
async def test_filters_narrow_what_is_told(ledger: MemoryLedger, query: str, found: str) -> None:
    assert decisions(await told_audit(ledger, query)) == found


async def test_a_cursor_goes_on_where_the_page_ended(ledger: MemoryLedger) -> None:
    first = await told_audit(ledger, "tenant=acme&limit=3")
    second = await told_audit(ledger, f"tenant=acme&limit=3&cursor={first['cursor']}")
    assert (decisions(first), decisions(second), second["cursor"]) == ("753", "1", None)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=x",
            "limit=%D9%A1",
            "cursor=0",
            "cursor=-1",
            "cursor=9" + "9" * 30,
        ),
        *("tenat=acme", "since=yesterday", "until=2026-01-01T00:00:00", "tenant=a&tenant=b", "tenant=%ff"),
    ],
)
async def test_what_cannot_be_meant_is_a_400_that_says_why(ledger: MemoryLedger, query: str) -> None:
    with pytest.raises(Problem) as refused:
        await told_audit(ledger, query)
    assert (refused.value.kind.status, bool(refused.value.detail)) == (400, True)


async def test_records_that_cannot_be_read_are_a_503() -> None:
    class Broken(MemoryLedger):
        async def page(self, selection: Selection, limit: int, before: int | None = None) -> Page:
            raise BackendFailed("disk I/O error")

    with pytest.raises(Problem) as refused:
        await told_audit(Broken(), "")
    assert (refused.value.kind.status, "disk" in refused.value.detail) == (503, False)


async def test_the_ledger_is_the_one_in_use_when_it_is_asked(ledger: MemoryLedger) -> None:
    in_use = [MemoryLedger()]
    document = audit_of(lambda: in_use[0])
    in_use[0] = ledger
    assert decisions(await document("limit=1")) == "7"
