from __future__ import annotations

from kapagate.stores.memory_owners import MemoryOwners
from tests.chain.conftest import FakeClock

HOUR = 3600.0


def owners(most: int = 100) -> tuple[MemoryOwners, FakeClock]:
    clock = FakeClock()
    return MemoryOwners(clock, most), clock


async def test_an_id_belongs_to_whoever_claimed_it_first() -> None:
    store, clock = owners()
    until = clock.wall() + HOUR
    assert store.claim("ann", ["a", "b"], until) is None
    store.claim("bob", ["b", "c"], until)
    assert [await store.owner_of(name) for name in "abcd"] == ["ann", "ann", "bob", None]
    assert await store.owned_by("ann") == {"a", "b"}
    assert await store.owned_by("bob") == {"c"}


async def test_only_what_is_granted_is_told() -> None:
    store, clock = owners()
    until = clock.wall() + HOUR
    assert store.grant("ann", ["a", "b"], until) == ["a", "b"]
    assert store.grant("bob", ["b", "c"], until) == ["c"]


async def test_a_claim_ends_at_its_time_and_then_the_id_is_anybodys() -> None:
    store, clock = owners()
    store.claim("ann", ["a"], clock.wall() + HOUR)
    clock.advance(HOUR)
    assert await store.owner_of("a") is None
    assert await store.owned_by("ann") == set()
    store.claim("bob", ["a"], clock.wall() + HOUR)
    assert await store.owner_of("a") == "bob"


async def test_a_claim_of_ones_own_lasts_longer_when_it_is_made_again() -> None:
    store, clock = owners()
    store.claim("ann", ["a"], clock.wall() + HOUR)
    store.claim("ann", ["a"], clock.wall() + 2 * HOUR)
    clock.advance(HOUR)
    assert await store.owner_of("a") == "ann"


async def test_the_ids_that_were_not_used_for_longest_give_way() -> None:
    store, clock = owners(most=3)
    until = clock.wall() + HOUR
    for name in "abc":
        store.claim("ann", [name], until)
    store.claim("ann", ["a"], until)
    store.claim("ann", ["d"], until)
    assert await store.owned_by("ann") == {"c", "a", "d"}


async def test_there_are_never_more_than_the_bound() -> None:
    store, clock = owners(most=10)
    for number in range(1000):
        store.claim("ann", [f"t{number}", f"q{number}"], clock.wall() + HOUR)
        assert len(store) <= 10


async def test_forgets_whose_everything_is_when_told_to() -> None:
    store, clock = owners()
    store.claim("ann", ["a"], clock.wall() + HOUR)
    store.forget()
    assert await store.owner_of("a") is None
