from __future__ import annotations

from aiohttp import ClientSession

from kapagate.demo.backend import start_backend


async def test_knows_one_customer_and_tells_as_what_it_was_asked() -> None:
    backend, url = await start_backend()
    try:
        async with ClientSession() as client:
            asked = {"X-Kapagate-User-Role": "operator"}
            async with client.get(f"{url}/crm/customers/42", headers=asked) as answer:
                assert (await answer.json())["asked_as"] == "operator"
            async with client.get(f"{url}/crm/customers/43") as answer:
                assert (answer.status, await answer.json()) == (404, {"detail": "no such customer"})
    finally:
        await backend.cleanup()
