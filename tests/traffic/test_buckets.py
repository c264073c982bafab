from __future__ import annotations

from kapagate.stores.memory import MemoryBuckets
from kapagate.traffic.buckets import Buckets
from kapagate.traffic.gcra import Limit
from kapagate.traffic.rate import Rate
from tests.filters.exchanges import FakeClock

ONE = Limit(Rate(1, 60.0), 1)


async def passes(scope: Buckets) -> bool:
    return (await scope.take(scope.key("ann"), ONE))[2] == 0.0


async def test_scopes_share_no_bucket() -> None:
    buckets: Buckets = MemoryBuckets(FakeClock())
    for scope in (buckets, buckets.scoped("door"), buckets.scoped("inner"), buckets.scoped("door").scoped("shadow")):
        assert await passes(scope)
        assert not await passes(scope)


async def test_the_same_scope_is_the_same_store() -> None:
    buckets: Buckets = MemoryBuckets(FakeClock())
    assert await passes(buckets.scoped("door"))
    assert not await passes(buckets.scoped("door"))


async def test_a_key_is_the_same_for_all_who_made_it() -> None:
    buckets: Buckets = MemoryBuckets(FakeClock())
    assert buckets.scoped("door").key("ann") == buckets.scoped("door").key("ann")
    assert buckets.scoped("door").key("ann", "bob") != buckets.scoped("door").key("ann")
