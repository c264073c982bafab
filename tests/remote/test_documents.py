from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.resolver import ThreadedResolver

from kapagate.proxy.egress import allowed
from kapagate.remote.documents import LARGEST, Documents, Unavailable, max_age
from tests.authority import Authority
from tests.remote.provider import Provider, serving

DOCUMENTS = Documents(allowed)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with serving(Provider()) as made:
        yield made


async def failure(url: str, documents: Documents = DOCUMENTS, ca_file: str | None = None) -> str:
    with pytest.raises(Unavailable) as caught:
        await documents.fetch(url, ca_file)
    return str(caught.value)


async def test_a_document_comes_with_how_long_it_is_fresh(provider: Provider) -> None:
    provider.headers = {"Cache-Control": "public, max-age=90"}
    fetched = await DOCUMENTS.fetch(provider.url)
    assert (fetched.document["keys"][0]["kid"], fetched.max_age) == ("RSA", 90)


async def test_it_asks_in_plain_and_says_nothing_of_anybody(provider: Provider) -> None:
    await DOCUMENTS.fetch(provider.url)
    (seen,) = provider.seen
    assert seen["Accept-Encoding"] == "identity"
    assert set(seen) == {"Host", "Accept", "Accept-Encoding", "User-Agent", "Connection"}


@pytest.mark.parametrize("status", [201, 204, 301, 302, 304, 400, 404, 500, 503])
async def test_nothing_but_200_is_an_answer_and_redirects_are_not_followed(provider: Provider, status: int) -> None:
    provider.status, provider.headers = status, {"Location": "/elsewhere"}
    assert await failure(provider.url) == f"status {status}"
    assert provider.asked == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"keys": [', b'{"a": 1, "a": 2}', b"[" * 100 + b"]" * 100, b"\xff"])
async def test_json_is_read_strictly(provider: Provider, body: bytes) -> None:
    provider.body = body
    assert await failure(provider.url)


async def test_a_large_answer_is_not_read_to_its_end(provider: Provider) -> None:
    exact = json.dumps("a" * (LARGEST - 2)).encode()
    provider.body = exact
    assert len((await DOCUMENTS.fetch(provider.url)).document) == LARGEST - 2
    provider.body = exact + b" "
    assert "larger than 1 MiB" in await failure(provider.url)


async def test_a_coded_answer_is_refused_unread(provider: Provider) -> None:
    provider.headers = {"Content-Encoding": "gzip"}
    assert "content coding" in await failure(provider.url)


async def test_the_answer_has_a_deadline(provider: Provider) -> None:
    provider.hold = asyncio.Event()
    assert await failure(provider.url, Documents(allowed, deadline=0.05)) == "no answer within 0.05 s"


async def test_who_does_not_listen_is_told() -> None:
    assert "127.0.0.1:1" in await failure("http://127.0.0.1:1/jwks.json")


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "100.100.100.200", "0.0.0.0", "[fd00:ec2::254]"],
)
async def test_metadata_addresses_are_never_asked(host: str) -> None:
    assert not DOCUMENTS.may_be_asked(f"https://{host}/jwks.json")
    assert "never asked" in await failure(f"https://{host}/jwks.json")


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376"])
async def test_odd_spellings_of_metadata_addresses_are_not_asked_either(host: str) -> None:
    assert await failure(f"http://{host}/jwks.json", Documents(allowed, deadline=2.0))


async def test_names_are_judged_by_what_they_resolve_to(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = ThreadedResolver.resolve

    async def metadata(self: Any, host: str, port: int = 0, family: Any = 0) -> Any:
        return await resolve(self, "169.254.169.254", port, family)

    monkeypatch.setattr(ThreadedResolver, "resolve", metadata)
    assert DOCUMENTS.may_be_asked("http://id.example/jwks.json")
    assert "no address that may be asked" in await failure("http://id.example/jwks.json")


async def test_names_of_this_machine_can_be_asked(provider: Provider) -> None:
    assert (await DOCUMENTS.fetch(provider.url.replace("127.0.0.1", "localhost"))).document


async def test_tls_is_verified_by_the_authorities_that_are_believed(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    async with serving(Provider(), authority.server("127.0.0.1")) as provider:
        assert (await DOCUMENTS.fetch(provider.url, str(authority.file))).document
        assert "certificate" in (await failure(provider.url)).lower()
        assert "certificate" in (await failure(provider.url, ca_file=str(other.file))).lower()
        assert await failure(provider.url, ca_file=str(tmp_path / "none.pem"))
    async with serving(Provider(), authority.server("127.0.0.2")) as provider:
        assert "certificate" in (await failure(provider.url, ca_file=str(authority.file))).lower()


async def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    context = authority.server("127.0.0.1", ssl.TLSVersion.TLSv1_2)
    async with serving(Provider(), context) as provider:
        assert (await DOCUMENTS.fetch(provider.url, str(authority.file))).document


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("", None),
        ("public", None),
        ("max-age=60", 60),
        ("Public, Max-Age=60, must-revalidate", 60),
        ('max-age="60"', 60),
        ("max-age=0", 0),
        ("s-maxage=60", None),
        ("x-max-age=60", None),
        ("max-age=-1", None),
        ("max-age=1e9", None),
        ("max-age=60, no-store", 0),
        ("no-cache", 0),
    ],
)
def test_how_long_an_answer_is_fresh(field: str, seconds: float | None) -> None:
    assert max_age(field) == seconds
