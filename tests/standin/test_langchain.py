"""The real client of Kapa's makers against the stand-in: it is what that client expects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_kapa_ai import KapaGetDocumentsTool, KapaRetriever, KapaToolkit
from langchain_kapa_ai.exceptions import (
    KapaAPIError,
    KapaAuthenticationError,
    KapaConnectionError,
    KapaNotFoundError,
    KapaRateLimitError,
    KapaServiceError,
    KapaValidationError,
)

from kapagate.standin import DEFAULT_PROJECTS, StandIn
from kapagate.standin.corpus import PAGES, SITE

PROJECT, KEY = next(iter(DEFAULT_PROJECTS.items()))
URLS = [page.url for page in PAGES if page.url is not None]


@pytest.fixture
async def kapa() -> AsyncIterator[StandIn]:
    async with StandIn() as running:
        yield running


def settings(kapa: StandIn, **changes: Any) -> dict[str, Any]:
    return {"api_key": KEY, "project_id": PROJECT, "base_url": kapa.url, **changes}


async def in_thread(function: Any, *arguments: Any) -> Any:
    """The synchronous client blocks its thread, and the stand-in runs in this one."""
    return await asyncio.to_thread(function, *arguments)


async def test_retrieves_asynchronously(kapa: StandIn) -> None:
    found = await KapaRetriever(**settings(kapa), top_k=3).ainvoke("How do backups work?")
    assert [len(found), found[0].metadata["source"]] == [3, f"{SITE}/operate#backups"]
    assert kapa.requests[0].headers["Accept"] == "application/json"
    assert kapa.requests[0].json == {"query": "How do backups work?", "mode": "default", "top_k": 3}


async def test_retrieves_synchronously(kapa: StandIn) -> None:
    found = await in_thread(KapaRetriever(**settings(kapa), mode="deep").invoke, "How do backups work?")
    assert len(found) == 15


async def test_reads_more_than_five_documents(kapa: StandIn) -> None:
    tool = KapaGetDocumentsTool(**settings(kapa), page_size=20)
    asked = {"urls": [*URLS, "https://elsewhere.example/"]}
    call = {"name": tool.name, "args": asked, "id": "1", "type": "tool_call"}
    for message in (await tool.ainvoke(call), await in_thread(tool.invoke, call)):
        assert [document.source_url for document in message.artifact.documents] == URLS
    assert [len(request.json["urls"]) for request in kapa.requests] == [5, 3, 5, 3]


async def test_reads_documents_without_url_and_without_text(kapa: StandIn) -> None:
    tool = KapaGetDocumentsTool(**settings(kapa))
    ids = [page.document_id for page in PAGES[-2:]]
    message = await tool.ainvoke({"name": tool.name, "args": {"document_ids": ids}, "id": "1", "type": "tool_call"})
    upload, video = message.artifact.documents
    assert (upload.source_url, video.content_available) == (None, False)


async def test_the_toolkit_searches_and_reads(kapa: StandIn) -> None:
    search, documents = KapaToolkit(**settings(kapa)).get_tools()
    assert "## Backups" in await search.ainvoke({"query": "How do backups work?"})
    assert "Security" in await documents.ainvoke({"urls": [f"{SITE}/security"]})


@pytest.mark.parametrize(
    ("query", "changes", "error"),
    [
        ("q", {"api_key": "bad"}, KapaAuthenticationError),
        ("q", {"project_id": "a/b"}, KapaNotFoundError),
        ("q", {"top_k": 16}, KapaValidationError),
        ("[[retry-after=7]] q", {}, KapaRateLimitError),
        ("[[status=503]] q", {}, KapaServiceError),
        ("[[html-502]] q", {}, KapaServiceError),
        ("[[cut=10]] q", {}, KapaConnectionError),
    ],
)
async def test_errors_arrive_as_their_classes(
    kapa: StandIn, query: str, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await KapaRetriever(**settings(kapa, **changes)).ainvoke(query)
    assert type(caught.value) is error


async def test_errors_carry_their_details(kapa: StandIn) -> None:
    with pytest.raises(KapaRateLimitError) as throttled:
        await KapaRetriever(**settings(kapa)).ainvoke("[[retry-after=7]] q")
    assert throttled.value.retry_after == 7.0
    with pytest.raises(KapaAPIError) as wrong:
        await KapaRetriever(**settings(kapa), top_k=16).ainvoke("q")
    assert wrong.value.detail == {"top_k": ["Ensure this value is less than or equal to 15."]}
