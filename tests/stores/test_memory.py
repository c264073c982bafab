from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kapagate.stores.memory import MemoryBuckets
from kapagate.traffic.rate import Rate
from tests.filters.exchanges import FakeClock

MINUTELY = Rate(60, 60.0)
MONTHLY = Rate(1, 2_592_000.0)


async def test_a_bucket_is_kept_between_takes() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    assert [(await buckets.take(("ann",), MINUTELY, 2)).allowed for _ in range(3)] == [True, True, False]
    assert (await buckets.take(("bob",), MINUTELY, 2)).allowed
    clock.pass_by(1)
    assert (await buckets.take(("ann",), MINUTELY, 2)).allowed


async def test_a_jump_of_the_wall_clock_frees_no_limit() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    await buckets.take(("ann",), MONTHLY, 1)
    clock.now += 10 * 2_592_000
    assert not (await buckets.take(("ann",), MONTHLY, 1)).allowed


async def test_full_buckets_are_forgotten_when_new_ones_come() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    for number in range(100):
        await buckets.take((str(number),), MINUTELY, 2)
    clock.pass_by(2)
    await buckets.take(("new",), MINUTELY, 2)
    assert len(buckets) < 50


async def test_a_few_full_buckets_are_kept() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    for name in ("ann", "bob", "ann", "bob"):
        clock.pass_by(60)
        assert (await buckets.take((name,), MINUTELY, 2)).remaining == 1
    assert len(buckets) == len(buckets._notes) == 2


async def test_there_are_never_more_than_the_capacity() -> None:
    buckets = MemoryBuckets(FakeClock(), capacity=10)
    for number in range(100):
        await buckets.take((str(number),), MONTHLY, 5)
        assert len(buckets) <= 10


async def test_a_flood_of_new_keys_does_not_free_a_caller_who_is_in_debt() -> None:
    buckets = MemoryBuckets(FakeClock(), capacity=10)
    await buckets.take(("ann",), MONTHLY, 1)
    for number in range(1000):
        await buckets.take((str(number),), MINUTELY, 5)
    assert not (await buckets.take(("ann",), MONTHLY, 1)).allowed


async def test_a_bucket_taken_from_again_is_looked_at_again_later() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock, capacity=2)
    await buckets.take(("ann",), MINUTELY, 10)
    for _ in range(9):
        await buckets.take(("ann",), MINUTELY, 10)
    clock.pass_by(2)
    await buckets.take(("bob",), MINUTELY, 10)
    await buckets.take(("cyd",), MINUTELY, 10)
    assert (await buckets.take(("ann",), MINUTELY, 10)).remaining == 1


@given(st.lists(st.tuples(st.integers(0, 12), st.floats(0, 3)), max_size=120), st.integers(2, 5))
async def test_no_bucket_that_limits_is_forgotten_while_there_is_another_choice(
    takes: list[tuple[int, float]], capacity: int
) -> None:
    clock = FakeClock()
    buckets, whole = MemoryBuckets(clock, capacity), MemoryBuckets(clock)
    for caller, gap in takes:
        clock.pass_by(gap)
        before = {key for key, tat in buckets._tats.items() if tat > clock.monotonic()}
        full = len(buckets) - len(before)
        await whole.take((str(caller),), MINUTELY, 4)
        await buckets.take((str(caller),), MINUTELY, 4)
        lost = before - set(buckets._tats)
        assert len(lost) <= (0 if full or len(before) < capacity else 1)
        assert len(buckets) <= capacity
        assert len(buckets._notes) == len(buckets)


async def test_many_outdated_notes_hold_nobody_up() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock, capacity=1000)
    for _ in range(3):
        for number in range(1000):
            await buckets.take((str(number),), MINUTELY, 10)
    await buckets.take(("new",), MINUTELY, 10)
    assert len(buckets) == 1000
