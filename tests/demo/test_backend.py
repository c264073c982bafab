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


async def test_takes_events_and_tells_which_came() -> None:
    backend, url = await start_backend()
    try:
        async with ClientSession() as client:
            statuses = []
            for identifier, event in (("a", {}), ("b", {"fails_first": True}), ("b", {"fails_first": True}), ("a", {})):
                sent = {"webhook-id": identifier}
                async with client.post(f"{url}/hooks/billing", json=event, headers=sent) as answer:
                    statuses.append(answer.status)
            async with client.get(f"{url}/crm/deliveries") as answer:
                assert await answer.json() == ["a", "b", "b", "a"]
            assert statuses == [202, 503, 202, 202]
    finally:
        await backend.cleanup()
