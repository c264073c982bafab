from __future__ import annotations

import pytest
from aiohttp import ClientConnectionError, web

from kapagate.policy.gateway import Address
from kapagate.web.answers import json_answer
from kapagate.web.doors import Door, Unguarded, open_doors
from tests.web.doors import ANYWHERE, ask, opened


async def fine(request: web.Request) -> web.Response:
    return json_answer({"path": request.path})


PROBE, ADMIN = [web.get("/livez", fine)], [web.get("/api/admin/config", fine)]


async def paths(address: Address) -> list[str]:
    return [path for path in ("/livez", "/api/admin/config") if (await ask(address, path))[0] == 200]


async def test_each_door_has_its_own_paths_alone() -> None:
    admin, probe = await open_doors(Address("localhost", 0), ANYWHERE, PROBE, ADMIN, guarded=False)
    assert await paths(admin.address) == ["/api/admin/config"]
    assert await paths(probe.address) == ["/livez"]
    await admin.close()
    await probe.close()


async def test_the_probe_falls_together_with_admin_when_left_out() -> None:
    (door,) = await open_doors(None, ANYWHERE, PROBE, ADMIN, guarded=False)
    assert await paths(door.address) == ["/livez", "/api/admin/config"]
    await door.close()


async def test_an_admin_port_without_keys_opens_on_loopback_alone() -> None:
    with pytest.raises(Unguarded, match="loopback"):
        await open_doors(None, Address("0.0.0.0", 0), PROBE, ADMIN, guarded=False)


async def test_loopback_ports_are_called_by_their_own_names() -> None:
    admin, probe = await open_doors(ANYWHERE, ANYWHERE, PROBE, ADMIN, guarded=True)
    for door, path in ((admin, "/api/admin/config"), (probe, "/livez")):
        status, _, _ = await ask(door.address, path, headers={"Host": "evil.example"})
        assert status == 403
        await door.close()


async def test_a_probe_that_others_reach_is_called_by_any_name() -> None:
    admin, probe = await open_doors(Address("0.0.0.0", 0), ANYWHERE, PROBE, ADMIN, guarded=False)
    status, _, _ = await ask(Address("127.0.0.1", probe.address.port), "/livez", headers={"Host": "10.0.0.7:8082"})
    assert status == 200
    for door in (admin, probe):
        await door.close()


async def test_a_port_that_is_taken_leaves_no_door_open() -> None:
    async with opened(PROBE) as taken:
        free = await Door.open(ANYWHERE, [])
        address = free.address
        await free.close()
        with pytest.raises(OSError, match="address already in use"):
            await open_doors(taken, address, PROBE, ADMIN, guarded=False)
        with pytest.raises(ClientConnectionError):
            await ask(address, "/livez")


async def test_a_closed_door_does_not_listen() -> None:
    door = await Door.open(ANYWHERE, PROBE)
    await door.close()
    with pytest.raises(ClientConnectionError):
        await ask(door.address, "/livez")
