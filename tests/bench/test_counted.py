import asyncio
import os

from bench.counted import alive
from kapagate.chain.shares import Shares


async def test_what_is_alive_is_counted() -> None:
    before = alive()
    kept, task, descriptor = Shares(1), asyncio.create_task(asyncio.sleep(3600)), os.open("/dev/null", os.O_RDONLY)
    try:
        after = alive()
        assert (after["tasks"], after["descriptors"]) == (before["tasks"] + 1, before["descriptors"] + 1)
        assert after["objects"]["chain.shares.Shares"] == before["objects"].get("chain.shares.Shares", 0) + 1
        assert len(kept) == 0
    finally:
        task.cancel()
        os.close(descriptor)
