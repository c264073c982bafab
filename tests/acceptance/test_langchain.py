"""The client that Kapa's makers publish, pointed at the gateway with the example policy: it notices no difference."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langchain_kapa_ai import KapaEndUser, KapaGetDocumentsTool, KapaRetriever, KapaToolkit
from langchain_kapa_ai.exceptions import (
    KapaAPIError,
    KapaAuthenticationError,
    KapaNotFoundError,
    KapaRateLimitError,
    KapaResponseError,
    KapaServiceError,
    KapaValidationError,
)

from kapagate.demo.people import ACME_KEY, ACME_PROJECT, GLOBEX_PROJECT
from kapagate.demo.stage import Stage
from kapagate.standin.corpus import PAGES, SITE
from kapagate.standin.specimens import SPECIMENS
from tests.acceptance.served import newest, served

URLS = [page.url for page in PAGES if page.url is not None]
GROUP = "5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with served(tmp_path) as stage:
        yield stage


def settings(stage: Stage, **changes: Any) -> dict[str, Any]:
    reporter = stage.keys.reporter.text
    return {"api_key": reporter, "project_id": ACME_PROJECT, "base_url": stage.gateway.data_url, **changes}


def call(tool: KapaGetDocumentsTool, **arguments: Any) -> dict[str, Any]:
    return {"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"}


async def failure(stage: Stage, query: str = "q", **changes: Any) -> KapaAPIError:
    with pytest.raises(KapaAPIError) as caught:
        await KapaRetriever(**settings(stage, **changes)).ainvoke(query)
    return caught.value


async def test_retrieves_asynchronously_and_synchronously(stage: Stage) -> None:
    retriever = KapaRetriever(**settings(stage), top_k=3)
    found = await retriever.ainvoke("How do backups work?")
    assert [len(found), found[0].metadata["source"]] == [3, f"{SITE}/operate#backups"]
    assert await asyncio.to_thread(retriever.invoke, "How do backups work?") == found


async def test_the_project_may_be_called_default(stage: Stage) -> None:
    assert await KapaRetriever(**settings(stage, project_id="default")).ainvoke("backups")
    assert stage.kapa.requests[0].path == f"/query/v1/projects/{ACME_PROJECT}/retrieval/"


async def test_the_tenant_may_stand_in_the_base_url(stage: Stage) -> None:
    url = stage.gateway.data_url
    own = settings(stage, base_url=f"{url}/t/acme")
    assert await KapaRetriever(**own).ainvoke("backups")
    tool = KapaGetDocumentsTool(**own)
    found = await tool.ainvoke(call(tool, urls=URLS[:2]))
    assert [seen.path for seen in stage.kapa.requests] == [
        f"/query/v1/projects/{ACME_PROJECT}/{name}/" for name in ("retrieval", "documents")
    ]
    assert found
    assert isinstance(await failure(stage, base_url=f"{url}/t/globex"), KapaNotFoundError)


async def test_kapa_sees_the_tenants_key_groups_and_a_pseudonym(stage: Stage) -> None:
    user = KapaEndUser(email="ann@acme.example", unique_client_id="ann", metadata={"team": "docs"})
    asked = settings(stage, end_user=user, source_group_ids=[GROUP], integration_id=ACME_PROJECT)
    await KapaRetriever(**asked).ainvoke("backups")
    (seen,) = stage.kapa.requests
    assert seen.headers.getall("X-API-KEY") == [ACME_KEY]
    assert stage.keys.reporter.text not in str(seen)
    assert seen.json["source_group_ids_include"] == [GROUP]
    assert seen.json["integration_id"] == "0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d"
    assert seen.json["user"]["metadata"]["tenant_id"] == "acme"
    assert "ann" not in str(seen.json["user"])
    assert "docs" not in str(seen.json["user"])


async def test_foreign_source_groups_are_refused_before_kapa(stage: Stage) -> None:
    refused = await failure(stage, source_group_ids=["99999999-9999-4999-8999-999999999999"])
    assert (type(refused), refused.status_code) == (KapaAuthenticationError, 403)
    assert stage.kapa.requests == []


async def test_reads_more_than_five_documents(stage: Stage) -> None:
    tool = KapaGetDocumentsTool(**settings(stage), page_size=20)
    asked = call(tool, urls=[*URLS, "https://elsewhere.example/"])
    for message in (await tool.ainvoke(asked), await asyncio.to_thread(tool.invoke, asked)):
        assert [document.source_url for document in message.artifact.documents] == URLS
    assert [len(seen.json["urls"]) for seen in stage.kapa.requests] == [5, 3, 5, 3]


async def test_documents_without_url_or_text_keep_their_shape(stage: Stage) -> None:
    tool = KapaGetDocumentsTool(**settings(stage))
    message = await tool.ainvoke(call(tool, document_ids=[page.document_id for page in PAGES[-2:]]))
    upload, video = message.artifact.documents
    assert (upload.source_url, video.content_available) == (None, False)


async def test_the_toolkit_searches_and_reads(stage: Stage) -> None:
    search, documents = KapaToolkit(**settings(stage)).get_tools()
    assert "## Backups" in await search.ainvoke({"query": "How do backups work?"})
    assert "Security" in await documents.ainvoke({"urls": [f"{SITE}/security"]})
    assert "## Backups" in await asyncio.to_thread(search.invoke, {"query": "How do backups work?"})


async def test_passages_and_documents_arrive_without_personal_data(stage: Stage) -> None:
    passages = await KapaRetriever(**settings(stage)).ainvoke("Who is it? [[pii]]")
    tool = KapaGetDocumentsTool(**settings(stage))
    page = (await tool.ainvoke(call(tool, urls=[f"{SITE}/security [[pii]]"]))).artifact
    for text in (passages[0].page_content, page.documents[0].content):
        assert "<email>" in text
        assert not [specimen for specimen in SPECIMENS.values() if specimen in text]


async def test_long_documents_stay_whole(stage: Stage) -> None:
    tool = KapaGetDocumentsTool(**settings(stage))
    page = (await tool.ainvoke(call(tool, urls=[f"{SITE}/security [[size=49000]]"]))).artifact
    assert len(page.documents[0].content) == 49000


@pytest.mark.parametrize("key", ["bad", "stand-in-key-one", "kg_live_" + "a" * 12 + "_" + "b" * 49])
async def test_a_key_that_is_none_of_the_gateways_is_an_authentication_error(stage: Stage, key: str) -> None:
    refused = await failure(stage, api_key=key)
    assert (type(refused), refused.status_code) == (KapaAuthenticationError, 401)
    assert refused.detail["type"].startswith("https://kapagate.dev/problems/")
    assert key not in str(refused.detail)
    assert stage.kapa.requests == []


async def test_a_role_without_the_permission_is_an_authentication_error(tmp_path: Path) -> None:
    allowed = "[kapa.chat, kapa.retrieval, kapa.documents, kapa.feedback, kapa.threads, kapa.thread, kapa.project]"
    async with served(tmp_path, (allowed, "[kapa.chat, kapa.documents]")) as stage:
        refused = await failure(stage)
        assert (type(refused), refused.status_code) == (KapaAuthenticationError, 403)
        assert "kapa.retrieval" in str(refused)
        assert (await newest(stage))["outcome"] == "refused"


@pytest.mark.parametrize("project", [GLOBEX_PROJECT, "99999999-9999-4999-8999-999999999999", "acme"])
async def test_a_foreign_project_is_not_found(stage: Stage, project: str) -> None:
    refused = await failure(stage, project_id=project)
    assert (type(refused), refused.status_code) == (KapaNotFoundError, 404)
    assert stage.kapa.requests == []


async def test_the_gateways_own_limit_says_when_to_come_back(tmp_path: Path) -> None:
    async with served(tmp_path, environment={"RATE_LIMIT_PER_MINUTE": "6", "RATE_LIMIT_BURST": "1"}) as stage:
        await KapaRetriever(**settings(stage)).ainvoke("q")
        refused = await failure(stage)
    assert isinstance(refused, KapaRateLimitError)
    assert refused.retry_after is not None
    assert 0 < refused.retry_after <= 10
    assert "wait" in refused.detail["detail"]


async def test_kapas_own_limit_passes_with_its_time(stage: Stage) -> None:
    refused = await failure(stage, "[[retry-after=7]] q")
    assert isinstance(refused, KapaRateLimitError)
    assert refused.retry_after == 7.0
    assert list(refused.detail) == ["detail"]


async def test_other_refusals_of_kapa_keep_their_words(stage: Stage) -> None:
    refused = await failure(stage, top_k=16)
    assert (type(refused), refused.status_code) == (KapaValidationError, 400)
    assert refused.detail == {"top_k": ["Ensure this value is less than or equal to 15."]}


async def test_a_refusal_of_the_gateway_is_a_validation_error_with_its_words(stage: Stage) -> None:
    refused = await failure(stage, "long " * 1000)
    assert (type(refused), refused.status_code) == (KapaValidationError, 422)
    assert refused.detail["step"] == "ask"
    assert "4500" in str(refused)  # an exception of acme's; others have 4000


@pytest.mark.parametrize("query", ["[[status=500]] q", "[[status=503]] q", "[[html-502]] q"])
async def test_a_failure_of_kapa_is_a_service_error(stage: Stage, query: str) -> None:
    refused = await failure(stage, query)
    assert type(refused) is KapaServiceError
    assert "<html" not in str(refused.detail)


async def test_a_refused_upstream_key_is_a_service_error_and_not_the_callers_fault(stage: Stage) -> None:
    refused = await failure(stage, "[[status=401]] q")
    assert (type(refused), refused.status_code) == (KapaServiceError, 502)


async def test_an_answer_that_breaks_off_is_no_answer(stage: Stage) -> None:
    with pytest.raises((KapaServiceError, KapaResponseError)) as caught:
        await KapaRetriever(**settings(stage)).ainvoke("[[cut=40]] q")
    assert getattr(caught.value, "status_code", 502) == 502
