from __future__ import annotations

from kapagate.ledger.record import encoded
from kapagate.ledger.selection import Selection
from kapagate.stores.ring import MemoryLedger


async def fill(ledger: MemoryLedger, *names: str) -> None:
    for name in names:
        await ledger.reserve()
        ledger.fill(encoded({"decision": name}))


async def names(ledger: MemoryLedger, limit: int = 10, before: int | None = None) -> list[str]:
    return [record["decision"] for record in await ledger.query(limit, before)]


async def test_the_newest_come_first_and_pages_go_back() -> None:
    ledger = MemoryLedger()
    await fill(ledger, "a", "b", "c")
    ledger.fill_unreserved(encoded({"decision": "d"}))
    page = await ledger.query(2)
    assert [record["decision"] for record in page] == ["d", "c"]
    assert await names(ledger, 2, page[-1]["id"]) == ["b", "a"]


async def test_the_oldest_are_forgotten() -> None:
    ledger = MemoryLedger(capacity=2)
    await fill(ledger, "a", "b", "c")
    assert await names(ledger) == ["c", "b"]


async def test_a_flood_of_strangers_pushes_out_no_record_of_callers() -> None:
    ledger = MemoryLedger(capacity=2, share=1)
    await fill(ledger, "a", "b")
    for _ in range(100):
        assert ledger.fill_unreserved(encoded({"decision": "stranger"}))
    assert await names(ledger) == ["stranger", "b", "a"]


async def test_places_are_counted_until_they_are_filled_or_released() -> None:
    ledger = MemoryLedger()
    await ledger.reserve()
    assert ledger.take()
    assert ledger.held == 2
    ledger.fill("{}")
    ledger.release()
    assert ledger.held == 0
    assert len(await ledger.query(10)) == 1


async def test_a_page_says_where_the_next_one_goes_on() -> None:
    ledger = MemoryLedger()
    await fill(ledger, "a", "b", "a", "a")
    chosen = Selection(decision="a")
    first = await ledger.page(chosen, 2)
    assert [record["id"] for record in first.records] == [4, 3]
    second = await ledger.page(chosen, 2, first.before)
    assert ([record["id"] for record in second.records], second.before) == ([1], None)


async def test_nothing_can_be_lost_with_the_process() -> None:
    ledger = MemoryLedger()
    ledger.intend("d", '{"decision":"d"}')
    assert await names(ledger) == []
    await ledger.flush()


async def test_forgets_every_record_when_told_to() -> None:
    ledger = MemoryLedger()
    await fill(ledger, "a")
    ledger.fill_unreserved(encoded({"decision": "b"}))
    ledger.forget()
    assert await names(ledger) == []
