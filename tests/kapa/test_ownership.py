from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from kapagate.answer.events import Other
from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import TENANT, Account, Principal, Tenant
from kapagate.chain.problem import BackendFailed, Problem
from kapagate.chain.response import Response
from kapagate.chain.secret import Secret
from kapagate.chain.upstream import Innermost
from kapagate.kapa.operations import OPERATIONS
from kapagate.kapa.ownership import SEES_ALL, Ownership
from kapagate.stores.memory_owners import MemoryOwners
from tests.chain.conftest import FakeClock, SentBody
from tests.exchanges import exchange

THREAD = "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
ANSWER = "7d1f2c3b-4a5e-4f60-8a71-92b3c4d5e6f7"
DAY = 86400.0
WHO = {
    "ann": Principal("ann", "acme", ("viewer",)),
    "bob": Principal("bob", "acme", ("viewer",)),
    "ann of globex": Principal("ann", "globex", ("viewer",)),
    "boss": Principal("boss", "acme", ("boss",)),
}


class House:
    """One upstream's ownership over a store in memory. `enquiries` are the threads that Kapa was asked of; it says that
    those in `known` are that pseudonym's.
    """

    def __init__(self, ask: bool = True, shared: bool = False) -> None:
        self.clock = FakeClock()
        self.owners = MemoryOwners(self.clock)
        self.enquiries: list[str] = []
        self.known: dict[str, str] = {}
        self.shared = shared
        enquire = self.enquire if ask else None
        self.ownership = Ownership("kapa", self.owners, self.pseudonym, self.allows, DAY, enquire)

    @staticmethod
    def pseudonym(tenant: str, subject: str) -> str:
        return f"{tenant}/{subject}"

    @staticmethod
    def allows(roles: tuple[str, ...], permission: str) -> bool:
        return "boss" in roles and permission == SEES_ALL

    async def enquire(self, ex: Exchange, thread: str, person: str) -> Sequence[str] | None:
        self.enquiries.append(thread)
        return [ANSWER] if self.known.get(thread) == person else None

    def step(self, operation: str) -> Innermost:
        step = self.ownership.step(OPERATIONS[operation])
        assert step is not None
        return step

    def exchange(self, operation: str, who: str = "ann", document: Any = None, thread: str = THREAD) -> Exchange:
        ex = exchange(principal=WHO[who], operation=operation)
        ex.params = {"thread_id": thread}
        ex.request.body = SentBody(orjson.dumps(document))
        ex.received_at = self.clock.wall()
        account = Account("p", Secret("k"), shared=self.shared)
        ex.put(TENANT, Tenant(WHO[who].tenant, "", {"kapa": account}))
        ex.edit = ex.edit.with_pseudonym(self.pseudonym(WHO[who].tenant, WHO[who].subject))
        return ex

    async def asks(self, operation: str, who: str = "ann", document: Any = None, thread: str = THREAD) -> None:
        hook = self.step(operation).on_request
        assert hook is not None
        await hook(self.exchange(operation, who, document, thread))

    async def refused(self, operation: str, who: str = "ann", document: Any = None, thread: str = THREAD) -> Problem:
        with pytest.raises(Problem) as refused:
            await self.asks(operation, who, document, thread)
        return refused.value

    async def told(self, operation: str, who: str = "ann", **identifiers: Any) -> None:
        hook = self.step(operation).on_identifiers
        assert hook is not None
        await hook(self.exchange(operation, who), identifiers)


IN_THREADS = ["thread_chat", "thread_chat_stream", "thread"]
ABOUT_ANSWERS = [
    ("feedback", "question_answer"),
    ("query_feedback", "question_answer_id"),
    ("query_feedback", "response_id"),
]


async def test_what_is_told_to_a_caller_is_the_callers() -> None:
    house = House()
    await house.told("chat", thread_id=THREAD.upper(), question_answer_id=ANSWER)
    for operation in IN_THREADS:
        await house.asks(operation)
    await house.asks("query", document={"query": "q", "thread_id": THREAD})
    for operation, name in ABOUT_ANSWERS:
        await house.asks(operation, document={name: ANSWER})
    assert house.enquiries == []


@pytest.mark.parametrize("who", ["bob", "ann of globex"])
async def test_others_are_told_what_they_are_told_of_what_nobody_has(who: str) -> None:
    house, empty = House(), House()
    await house.told("chat_stream", thread_id=THREAD, question_answer_id=ANSWER)
    asked = [(operation, None) for operation in IN_THREADS]
    asked += [(operation, {name: ANSWER}) for operation, name in ABOUT_ANSWERS]
    asked += [("query", {"query": "q", "thread_id": THREAD})]
    for operation, document in asked:
        foreign = await house.refused(operation, who, document)
        unknown = await empty.refused(operation, who, document)
        assert foreign.document("d", "c") == unknown.document("d", "c")
        assert foreign.kind.status == 404
    assert house.enquiries == empty.enquiries  # on the same way, too


async def test_ids_are_the_same_in_capitals() -> None:
    house = House()
    await house.told("chat", thread_id=THREAD, question_answer_id=ANSWER)
    await house.asks("thread_chat", thread=THREAD.upper())
    await house.asks("feedback", document={"question_answer": ANSWER.upper()})
    assert (await house.refused("thread_chat", "bob", thread=THREAD.upper())).kind.status == 404


@pytest.mark.parametrize("thread", ["x", THREAD + "0", f"{THREAD}%20", "%31" + THREAD[1:], ""])
async def test_what_is_no_id_is_nobodys_thread(thread: str) -> None:
    house = House()
    refused = await house.refused("thread_chat", thread=thread)
    assert refused.document("d", "c") == (await house.refused("thread_chat")).document("d", "c")
    assert house.enquiries == [THREAD]


@pytest.mark.parametrize("value", [7, ["a"], {"a": ANSWER}, "x", [ANSWER]])
async def test_an_answer_is_named_by_an_id_alone(value: Any) -> None:
    assert (await House().refused("feedback", document={"question_answer": value})).kind.name == "malformed-body"


@pytest.mark.parametrize("document", [{"query": "q"}, {"query": "q", "thread_id": None}])
async def test_who_names_no_thread_opens_one(document: Any) -> None:
    await House().asks("query", document=document)


async def test_both_names_of_an_answer_must_be_the_callers() -> None:
    house = House()
    await house.told("chat", question_answer_id=ANSWER)
    other = ANSWER.replace("7", "8")
    assert (
        await house.refused("query_feedback", document={"question_answer_id": ANSWER, "response_id": other})
    ).kind.status == 404


async def test_an_unknown_thread_is_the_callers_when_kapa_says_so_and_is_remembered() -> None:
    house = House()
    house.known[THREAD] = "acme/ann"
    await house.asks("thread_chat")
    await house.asks("feedback", document={"question_answer": ANSWER})
    await house.asks("thread_chat_stream")
    assert house.enquiries == [THREAD]
    assert (await house.refused("thread_chat", "bob")).kind.status == 404


async def test_a_foreign_thread_stays_foreign_whatever_kapa_says() -> None:
    house = House()
    await house.told("chat", "bob", thread_id=THREAD)
    house.known[THREAD] = "acme/ann"
    assert (await house.refused("thread_chat")).kind.status == 404
    assert house.enquiries == [THREAD]


async def test_without_asking_kapa_unknown_is_refused() -> None:
    house = House(ask=False)
    house.known[THREAD] = "acme/ann"
    assert (await house.refused("thread_chat")).kind.status == 404


async def test_kapa_is_not_asked_for_callers_that_it_knows_under_no_name() -> None:
    house = House()
    ex = house.exchange("thread_chat")
    ex.edit = ex.edit._replace(pseudonym=None)
    with pytest.raises(Problem):
        await house.step("thread_chat").on_request(ex)  # type: ignore[misc]  # it has one
    assert house.enquiries == []


async def test_answers_are_not_looked_up_at_kapa() -> None:
    house = House()
    await house.refused("feedback", document={"question_answer": ANSWER})
    assert house.enquiries == []


async def test_a_claim_ends_after_its_time() -> None:
    house = House()
    await house.told("chat", thread_id=THREAD)
    house.clock.advance(DAY - 1)
    await house.told("thread_chat", thread_id=THREAD)
    house.clock.advance(DAY - 1)
    await house.asks("thread_chat")
    house.clock.advance(1)
    assert (await house.refused("thread_chat")).kind.status == 404


@pytest.mark.parametrize("identifier", [7, None, "x" * 35, ["a"], "x" * 5000])
async def test_what_no_request_could_name_is_not_kept(identifier: Any) -> None:
    house = House()
    await house.told("chat", thread_id=identifier)
    assert len(house.owners) == 0


async def test_an_answer_waits_until_its_ids_are_stored() -> None:
    house, stored = House(), asyncio.get_running_loop().create_future()
    house.owners.claim = lambda *claim: stored  # type: ignore[assignment,method-assign]  # a store that takes its time
    telling = asyncio.ensure_future(house.told("chat", thread_id=THREAD))
    await asyncio.sleep(0)
    assert not telling.done()
    stored.set_exception(BackendFailed("no disk"))
    with pytest.raises(BackendFailed):
        await telling


@pytest.mark.parametrize("operation", ["chat", "chat_stream", "query", "thread_chat", "feedback", "thread"])
async def test_nobody_is_let_in_while_nothing_can_be_stored(operation: str) -> None:
    house = House()
    house.owners.failure = "no disk"
    refused = await house.refused(operation, document={"query": "q"})
    assert (refused.kind.status, refused.retry_after) == (503, 1)


@pytest.mark.parametrize("operation", ["retrieval", "documents", "project", "sources", "integrations", "agent_session"])
def test_operations_without_ids_cost_nothing(operation: str) -> None:
    assert House().ownership.step(OPERATIONS[operation]) is None


async def test_who_may_see_all_reads_the_threads_of_others_but_does_not_write_in_them() -> None:
    house = House()
    await house.told("chat", thread_id=THREAD, question_answer_id=ANSWER)
    await house.asks("thread", "boss")
    assert (await house.refused("thread_chat", "boss")).kind.status == 404
    assert (await house.refused("feedback", "boss", {"question_answer": ANSWER})).kind.status == 404


async def test_nobody_sees_all_of_a_project_that_tenants_share() -> None:
    house = House(shared=True)
    await house.told("chat", thread_id=THREAD)
    assert (await house.refused("thread", "boss")).kind.status == 404
    assert await listed(house, "boss") == []


@pytest.mark.parametrize(("who", "ids"), [("ann", [THREAD]), ("bob", []), ("boss", [THREAD, ANSWER])])
async def test_lists_have_the_callers_own_threads_unless_the_caller_may_see_all(who: str, ids: list[str]) -> None:
    house = House()
    await house.told("chat", thread_id=THREAD)
    assert await listed(house, who) == ids


async def listed(house: House, who: str) -> list[str]:
    """What a caller sees of a list of two threads."""
    step, ex = house.step("threads"), house.exchange("threads", who)
    assert step.on_request is not None
    assert step.on_answer is not None
    await step.on_request(ex)
    ex.response = Response(200)
    page = Other({"results": [{"id": THREAD}, {"id": ANSWER}]})
    rules = step.on_answer(ex)
    assert rules is None or rules.event is not None
    seen = rules.event(page) if rules and rules.event else page
    assert seen is not None
    return [each["id"] for each in seen.value["results"]]


async def test_an_error_in_the_place_of_a_list_is_told_as_it_is() -> None:
    house = House()
    step, ex = house.step("threads"), house.exchange("threads")
    await step.on_request(ex)  # type: ignore[misc]  # it has one
    ex.response = Response(429)
    assert step.on_answer(ex) is None  # type: ignore[misc]  # it has one


def test_the_steps_name_is_one_that_no_policy_can_give() -> None:
    assert House().step("chat").name == "kapa.ownership"
