"""The stage: everything the demo needs, on free ports of loopback, with keys and state that end with it."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from aiohttp import ClientSession
from msgspec import Struct

from kapagate.demo.backend import start_backend
from kapagate.demo.people import Keys
from kapagate.policy.gateway import Address
from kapagate.remote.references import References
from kapagate.run import Addresses, Gateway, open_gateway
from kapagate.standin import StandIn
from kapagate.standin.records import SEPARATOR

POLICY = Path(__file__).resolve().parents[2] / "policies"
ANY_PORT = Address("127.0.0.1", 0)
ENVIRONMENT = """\
apiVersion: kapagate.dev/v1
kind: Environment
name: demo
listen: {trusted_hops: ["127.0.0.1"]}
"""
"""What the demo lays over the policy: some of its clients are far away, behind a proxy on this machine."""
TOKEN_SECONDS = 3600.0


class Reply(Struct, frozen=True):
    """An answer as the client got it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return orjson.loads(self.body)

    def records(self) -> list[dict[str, Any]]:
        """The records of a Kapa stream; each must end with its separator."""
        *records, rest = self.body.split(SEPARATOR)
        if rest:
            raise ValueError("the last record has no separator")
        return [orjson.loads(record)["chunk"] for record in records]


class Stage(Struct, frozen=True):
    """What the scenes play on."""

    gateway: Gateway
    kapa: StandIn
    keys: Keys
    client: ClientSession

    def token(self, subject: str, tenant: str, role: str) -> str:
        return self.keys.token(subject, tenant, role, time.time() + TOKEN_SECONDS)

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One request to the gateway's data port, answered to its end."""
        data = None if body is None else orjson.dumps(body)
        sent = {"Content-Type": "application/json", **(headers or {})}
        async with self.client.request(method, self.gateway.data_url + path, data=data, headers=sent) as response:
            return Reply(response.status, response.headers, await response.read())

    async def kapa_says(self, path: str, body: Any, headers: Mapping[str, str]) -> Reply:
        """What the stand-in itself answers, with nobody before it."""
        async with self.client.post(self.kapa.url + path, json=body, headers=headers) as response:
            return Reply(response.status, response.headers, await response.read())

    async def hook(self, identifier: str, event: Mapping[str, Any], **more: str) -> Reply:
        """The billing service calls; `more` are fields in place of those that it signed."""
        said = {**self.keys.webhook(identifier, time.time(), orjson.dumps(event)), **more}
        return await self.ask("POST", "/hooks/billing", event, said)

    async def metrics(self) -> str:
        async with self.client.get(f"{self.gateway.probe_url}/metrics") as response:
            return await response.text()


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Opens the stand-in Kapa, the backend and the gateway with the example policy."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory(prefix="kapagate-demo-"))
        kapa = await stack.enter_async_context(StandIn())
        backend, crm_url = await start_backend()
        stack.push_async_callback(backend.cleanup)
        keys = Keys.made(os.urandom)
        environment = keys.environment(kapa.url, crm_url, f"{directory}/state.db")
        paths, addresses = [POLICY, _environment(directory)], Addresses(ANY_PORT, ANY_PORT, ANY_PORT)
        gateway = await stack.enter_async_context(
            open_gateway(paths, References(environment), addresses, environment="demo")
        )
        client = await stack.enter_async_context(ClientSession())
        yield Stage(gateway, kapa, keys, client)


def _environment(directory: str) -> Path:
    path = Path(directory, "demo.yaml")
    path.write_text(ENVIRONMENT)
    return path
