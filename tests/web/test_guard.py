from __future__ import annotations

import orjson
import pytest
from aiohttp import ClientSession

from kapagate.access.endpoints import ENDPOINTS
from kapagate.chain.generation import Generation
from kapagate.chain.problem import Problem
from kapagate.ledger.journal import Journal
from kapagate.ledger.selection import Selection
from kapagate.policy.tryout import LONGEST
from kapagate.standin.specimens import SPECIMENS
from kapagate.stores.ring import MemoryLedger
from kapagate.web.admin import admin_routes
from kapagate.web.doors import LONGEST_BODY
from kapagate.web.guard import guard_of, told_trial
from tests.policy.test_tryout import generation_in
from tests.web.doors import StoppedClock, opened

PATH = "/api/admin/guard/try"


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    return generation_in(tmp_path_factory.mktemp("policy"))


def body(text: str, **more: object) -> str:
    return orjson.dumps({"text": text, "tenant": "acme", **more}).decode()


async def test_a_text_is_tried_with_the_live_policy(generation: Generation) -> None:
    told = await guard_of(lambda: generation)(body(f"Mail {SPECIMENS['email']}", roles=["viewer"]))
    assert (told["delivered"], told["policy"]) == ("Mail <email>", generation.policy)
    assert [(each["step"], each["rule"]) for each in told["findings"]] == [("answer", "email")]
    asked = await told_trial(generation, body("Hi", direction="question"))
    assert (asked["delivered"], asked["changed"]) == ("Hi", False)


@pytest.mark.parametrize(
    ("said", "kind", "detail"),
    [
        ("", "malformed-body", "EOF"),
        ("{", "malformed-body", "EOF"),
        ("[]", "malformed-body", "object"),
        ("{}", "malformed-body", "text: Field required"),
        (body("a", colour="red"), "malformed-body", "colour"),
        (body("a", direction="up"), "malformed-body", "direction"),
        (body("a" * (LONGEST + 1)), "malformed-body", "text"),
        (body("a", sources=[{"title": "x"}]), "malformed-body", "sources.0.source_url"),
        ('{"text": "\\ud800"}', "malformed-body", ""),
        (body("a", route="nowhere"), "malformed-request", "nowhere"),
        ('{"text": "a", "tenant": "acne"}', "malformed-request", "acne"),
    ],
)
async def test_what_cannot_be_tried_is_refused(generation: Generation, said: str, kind: str, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        await told_trial(generation, said)
    assert refused.value.kind.name == kind
    assert detail in refused.value.detail


async def test_a_refusal_quotes_nothing_of_the_text(generation: Generation) -> None:
    with pytest.raises(Problem) as refused:
        await told_trial(generation, body("word", direction=SPECIMENS["email"]))
    assert SPECIMENS["email"] not in refused.value.detail


async def test_the_body_is_bounded(generation: Generation) -> None:
    async def nothing(asked: str) -> dict[str, str]:
        return {"asked": asked}

    documents = {**dict.fromkeys(ENDPOINTS, nothing), "guard_try": guard_of(lambda: generation)}
    ledger = MemoryLedger()
    journal = Journal(ledger, StoppedClock(), lambda: "0" * 32)
    routes = admin_routes(documents, None, journal, StoppedClock())
    async with opened(routes) as address, ClientSession() as client:
        async with client.post(f"http://{address}{PATH}", data=body("x" * LONGEST_BODY)) as answer:
            problem = await answer.json(content_type=None)
            assert (answer.status, problem["type"].rpartition("/")[2]) == (413, "body-too-large")
        async with client.post(f"http://{address}{PATH}", data=b'{"text": "\xff"}') as answer:
            assert (answer.status, (await answer.json(content_type=None))["detail"]) == (
                400,
                "the body is not valid UTF-8",
            )
        async with client.post(f"http://{address}{PATH}", data=body("Hi")) as answer:
            assert (answer.status, (await answer.json())["delivered"]) == (200, "Hi")
            assert answer.headers["Cache-Control"] == "no-store"
        async with client.get(f"http://{address}{PATH}") as answer:
            assert answer.status == 405
    records = (await ledger.page(Selection.of({}), 10, None)).records
    assert all(SPECIMENS["email"] not in str(each) and '"Hi"' not in str(each) for each in records)
    assert len(records) == 3
