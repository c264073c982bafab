from __future__ import annotations

from kapagate.stores.memory import MemoryBuckets
from kapagate.traffic.buckets import Buckets
from kapagate.traffic.rate import Rate
from tests.filters.exchanges import FakeClock

ONE = Rate(1, 60.0)


async def test_scopes_share_no_bucket() -> None:
    buckets: Buckets = MemoryBuckets(FakeClock())
    for scope in (buckets, buckets.scoped("door"), buckets.scoped("inner"), buckets.scoped("door").scoped("shadow")):
        assert (await scope.take(("ann",), ONE, 1)).allowed
        assert not (await scope.take(("ann",), ONE, 1)).allowed


async def test_the_same_scope_is_the_same_store() -> None:
    buckets: Buckets = MemoryBuckets(FakeClock())
    assert (await buckets.scoped("door").take(("ann",), ONE, 1)).allowed
    assert not (await buckets.scoped("door").take(("ann",), ONE, 1)).allowed
