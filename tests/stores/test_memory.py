from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kapagate.stores.memory import MemoryBuckets
from kapagate.traffic.gcra import Limit
from kapagate.traffic.rate import Rate
from tests.filters.exchanges import FakeClock


def minutely(burst: int) -> Limit:
    return Limit(Rate(60, 60.0), burst)


def monthly(burst: int) -> Limit:
    return Limit(Rate(1, 2_592_000.0), burst)


async def passes(buckets: MemoryBuckets, caller: str, limit: Limit) -> bool:
    return (await buckets.take((caller,), limit))[2] == 0.0


async def test_a_bucket_is_kept_between_takes() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    assert [await passes(buckets, "ann", minutely(2)) for _ in range(3)] == [True, True, False]
    assert await passes(buckets, "bob", minutely(2))
    clock.pass_by(1)
    assert await passes(buckets, "ann", minutely(2))


async def test_a_jump_of_the_wall_clock_frees_no_limit() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    await buckets.take(("ann",), monthly(1))
    clock.now += 10 * 2_592_000
    assert not await passes(buckets, "ann", monthly(1))


async def test_full_buckets_are_forgotten_when_new_ones_come() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    for number in range(100):
        await buckets.take((str(number),), minutely(2))
    clock.pass_by(2)
    await buckets.take(("new",), minutely(2))
    assert len(buckets) < 50


async def test_a_few_full_buckets_are_kept() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    for name in ("ann", "bob", "ann", "bob"):
        clock.pass_by(60)
        assert (await buckets.take((name,), minutely(2)))[0] == 1
    assert len(buckets) == len(buckets._notes) == 2


async def test_buckets_of_shadows_displace_nobody_elses() -> None:
    buckets = MemoryBuckets(FakeClock(), capacity=2)
    shadow = buckets.scoped("shadow.door")
    assert await passes(buckets, "ann", minutely(1))
    for name in ("bob", "eve", "ann"):
        assert await passes(shadow, name, minutely(1))
    assert not await passes(buckets, "ann", minutely(1))
    assert not await passes(buckets.scoped("shadow.door"), "ann", minutely(1))
    assert (len(buckets), len(shadow)) == (1, 2)


async def test_there_are_never_more_than_the_capacity() -> None:
    buckets = MemoryBuckets(FakeClock(), capacity=10)
    for number in range(100):
        await buckets.take((str(number),), monthly(5))
        assert len(buckets) <= 10


async def test_a_flood_of_new_keys_does_not_free_a_caller_who_is_in_debt() -> None:
    buckets = MemoryBuckets(FakeClock(), capacity=10)
    await buckets.take(("ann",), monthly(1))
    for number in range(1000):
        await buckets.take((str(number),), minutely(5))
    assert not await passes(buckets, "ann", monthly(1))


async def test_a_bucket_taken_from_again_is_looked_at_again_later() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock, capacity=2)
    await buckets.take(("ann",), minutely(10))
    for _ in range(9):
        await buckets.take(("ann",), minutely(10))
    clock.pass_by(2)
    await buckets.take(("bob",), minutely(10))
    await buckets.take(("cyd",), minutely(10))
    assert (await buckets.take(("ann",), minutely(10)))[0] == 1


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
        await whole.take((str(caller),), minutely(4))
        await buckets.take((str(caller),), minutely(4))
        lost = before - set(buckets._tats)
        assert len(lost) <= (0 if full or len(before) < capacity else 1)
        assert len(buckets) <= capacity
        assert len(buckets._notes) == len(buckets)


async def test_many_outdated_notes_hold_nobody_up() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock, capacity=1000)
    for _ in range(3):
        for number in range(1000):
            await buckets.take((str(number),), minutely(10))
    await buckets.take(("new",), minutely(10))
    assert len(buckets) == 1000


async def test_windows_give_together_or_not_at_all() -> None:
    clock = FakeClock()
    buckets = MemoryBuckets(clock)
    keys, limits = (("ann", "min"), ("ann", "month")), (minutely(2), monthly(3))
    assert [[left for left, *_ in await buckets.take_all(keys, limits)] for _ in range(2)] == [[1, 2], [0, 1]]
    assert [quota[2] > 0 for quota in await buckets.take_all(keys, limits)] == [True, False]
    clock.pass_by(1)
    assert [left for left, *_ in await buckets.take_all(keys, limits)] == [0, 0]
    clock.pass_by(60)
    short, long = await buckets.take_all(keys, limits)
    assert (short[0], short[2], long[0]) == (2, 0.0, 0)
    assert long[2] > 1_000_000


async def test_a_refusal_of_several_leaves_nothing_behind() -> None:
    buckets = MemoryBuckets(FakeClock())
    await buckets.take(("ann", "month"), monthly(1))
    await buckets.take_all((("ann", "min"), ("ann", "month")), (minutely(2), monthly(1)))
    assert len(buckets) == 1


async def test_the_bound_holds_over_all_scopes_and_windows() -> None:
    buckets = MemoryBuckets(FakeClock(), capacity=3)
    for number in range(20):
        scope = buckets.scoped(str(number))
        await scope.take_all((scope.key("min"), scope.key("month")), (minutely(5), monthly(5)))
        assert len(buckets) == len(scope) == len(buckets._notes) <= 3


async def test_forgets_every_debt_when_told_to() -> None:
    buckets = MemoryBuckets(FakeClock())
    scope = buckets.scoped("step")
    await scope.take(scope.key("ann"), Limit(Rate(60, 60.0), 1))
    buckets.forget()
    assert len(scope) == 0
