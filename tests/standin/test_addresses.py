"""The stand-in against what is known of Kapa's API (`kapa.yaml`): every address, what it takes, shows and refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from kapagate.standin import DEFAULT_PROJECTS, StandIn
from kapagate.standin.addresses import ADDRESSES

(PROJECT, KEY), (FOREIGN, OTHER_KEY) = DEFAULT_PROJECTS.items()
UNKNOWN = "00000000-0000-0000-0000-000000000000"
KNOWN: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "kapa.yaml").read_text("utf-8"))
WITH_PROJECT = [known for known in KNOWN if "{" in known["call"]]
WRONG = [known for known in KNOWN if "wrong" in known]
PARENTS = {
    "{period_id}": ("periods/{period_id}/", "periods/", "periods"),
    "{source_id}": ("sources/{source_id}/", "sources/", "results"),
}


def name(known: dict[str, Any]) -> str:
    return str(known["call"])


@dataclass
class Client:
    """Asks the stand-in with a key."""

    url: str
    session: aiohttp.ClientSession

    async def ask(
        self, method: str, path: str, *, body: Any = None, query: Any = None, **headers: str
    ) -> tuple[int, bytes]:
        sent = {"X-API-KEY": KEY, "Accept": "application/json", **headers}
        data = None if body is None else orjson.dumps(body)
        if data is not None:
            sent["Content-Type"] = "application/json"
        async with self.session.request(method, self.url + path, data=data, params=query, headers=sent) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.read()

    async def document(self, path: str) -> Any:
        return orjson.loads((await self.ask("GET", path))[1])

    async def filled(self, text: str) -> str:
        """A path with ids of what is there."""
        if "{thread_id}" in text:
            threads = await self.document(f"/query/v1/projects/{PROJECT}/threads/")
            text = text.replace("{thread_id}", threads["results"][0]["id"])
        for part, (own, above, key) in PARENTS.items():
            if part in text:
                parent = text.replace(own, above).replace("/v1/top", f"/v1/projects/{PROJECT}/top")
                parent = parent.replace("/v1/coverage", f"/v1/projects/{PROJECT}/coverage")
                listed = await self.document(parent.replace("{project_id}", PROJECT))
                text = text.replace(part, listed[key][0]["id"])
        return text.replace("{project_id}", PROJECT)


@pytest.fixture
async def kapa() -> AsyncIterator[Client]:
    async with StandIn() as running, aiohttp.ClientSession() as session:
        yield Client(running.url, session)


async def meant(kapa: Client, value: Any) -> Any:
    """A body with ids in the place of the words UUID and ANSWER."""
    if isinstance(value, dict):
        return {key: await meant(kapa, each) for key, each in value.items()}
    if isinstance(value, list):
        return [await meant(kapa, each) for each in value]
    if value == "ANSWER":
        threads = await kapa.document(f"/query/v1/projects/{PROJECT}/threads/")
        return threads["results"][0]["question_answers"][0]["id"]
    return UNKNOWN if value == "UUID" else value


async def asked(kapa: Client, known: dict[str, Any], more: dict[str, Any], **headers: str) -> tuple[int, bytes]:
    method, path = known["call"].split()
    said = {**known.get("body", {}), **known.get("query", {}), **more}
    said = await meant(kapa, said)
    body, query = (said, None) if method == "POST" else (None, said)
    return await kapa.ask(method, await kapa.filled(path), body=body, query=query, **headers)


def at(value: Any, path: str) -> Iterator[Any]:
    """Everything at a path such as `results[].id`; raises KeyError where something is missing."""
    first, _, rest = path.partition(".")
    many = first.endswith("[]")
    found = value[first.removesuffix("[]")] if first.removesuffix("[]") else value
    for each in found if many else [found]:
        yield from at(each, rest) if rest else [each]


def test_the_addresses_are_those_that_are_known() -> None:
    assert {f"{each.method} {each.path}" for each in ADDRESSES} == {known["call"] for known in KNOWN}
    assert all(each.path.endswith("/") for each in ADDRESSES)


@pytest.mark.parametrize("known", KNOWN, ids=name)
async def test_takes_what_is_required_and_what_may_stand_beside_it(kapa: Client, known: dict[str, Any]) -> None:
    for more in ({}, known.get("optional", {}), {"nobody_knows": "this"}):
        status, body = await asked(kapa, known, more)
        assert status == 200, body
        if known.get("stream"):
            *records, rest = body.split("␞".encode())
            assert rest == b""
            chunks = [orjson.loads(record)["chunk"] for record in records]
            assert all(chunk.keys() == {"type", "content", "stream_end"} for chunk in chunks)
            assert [chunk["stream_end"] for chunk in chunks] == [*[False] * (len(chunks) - 1), True]
        else:
            for path in known["shows"]:
                assert list(at(orjson.loads(body), path)), path


@pytest.mark.parametrize("known", WRONG, ids=name)
async def test_refuses_a_wrong_field_with_its_name(kapa: Client, known: dict[str, Any]) -> None:
    status, body = await asked(kapa, known, known["wrong"])
    told = orjson.loads(body)
    assert (status, list(told)) == (400, list(known["wrong"]))
    assert all(isinstance(each, str) for messages in told.values() for each in messages)


@pytest.mark.parametrize("known", [known for known in KNOWN if known.get("body")], ids=name)
async def test_refuses_a_body_without_what_is_required(kapa: Client, known: dict[str, Any]) -> None:
    method, path = known["call"].split()
    status, body = await kapa.ask(method, await kapa.filled(path), body={})
    assert (status, set(orjson.loads(body))) == (400, set(known["body"]))


@pytest.mark.parametrize("known", KNOWN, ids=name)
async def test_looks_at_accept_then_at_the_key_then_at_what_it_opens(kapa: Client, known: dict[str, Any]) -> None:
    status, body = await asked(kapa, known, {}, Accept="text/event-stream", **{"X-API-KEY": "bad"})
    assert (status, list(orjson.loads(body))) == (406, ["detail"])
    status, body = await asked(kapa, known, {}, **{"X-API-KEY": "bad"})
    assert (status, list(orjson.loads(body))) == (401, ["detail"])
    assert await asked(kapa, known, {}, **{"X-API-KEY": OTHER_KEY}) == (404, b'{"detail":"Not found."}')


@pytest.mark.parametrize("known", WITH_PROJECT, ids=name)
async def test_what_is_unknown_is_404_for_a_good_key_and_401_for_a_bad_one(kapa: Client, known: dict[str, Any]) -> None:
    method, path = known["call"].split()
    for segment in ("{project_id}", "{thread_id}", "{period_id}", "{source_id}"):
        path = path.replace(segment, UNKNOWN)
    body = known.get("body")
    assert await kapa.ask(method, path, body=body) == (404, b'{"detail":"Not found."}')
    assert (await kapa.ask(method, path, body=body, **{"X-API-KEY": "bad"}))[0] == 401


@pytest.mark.parametrize("known", KNOWN, ids=name)
async def test_takes_no_other_method(kapa: Client, known: dict[str, Any]) -> None:
    method, path = known["call"].split()
    status, body = await kapa.ask({"GET": "POST", "POST": "GET"}[method], await kapa.filled(path))
    assert (status, list(orjson.loads(body))) == (405, ["detail"])
