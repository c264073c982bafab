import pytest

from bench.account import LOOP, WRITES, accounted, heading


def test_the_account_adds_up_to_what_was_measured() -> None:
    samples = {"chain/run.py run": 60, "chain/exchange.py Exchange.get": 20, "answer/pump.py pump": 20}
    told = accounted(samples, 150.0)
    assert sum(share for _, share in told) == pytest.approx(150.0)
    assert [share for _, share in told] == [120.0, 30.0]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("proxy/downstream.py Downstream.send", WRITES),
        ("proxy/downstream.py Downstream.begin", "hop: both ends, framing, heads, pool"),
        ("cli/loop.py run_loop", LOOP),
        ("stores/memory.py MemoryBuckets.take", "rate limits"),
        ("stores/sqlite.py SqliteLedger.accept", "audit: record, place, file"),
        ("new_room/new.py new", "the rest"),
    ],
)
def test_every_function_has_its_place_in_the_account(place: str, told: str) -> None:
    assert heading(place) == told
