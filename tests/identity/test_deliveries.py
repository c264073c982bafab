from __future__ import annotations

from typing import Any

import pytest

from kapagate.chain import problems
from kapagate.chain.compose import Placed
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import BackendFailed, Gone, Problem
from kapagate.chain.response import Truncated
from kapagate.identity.deliveries import DELIVERY, Deliveries
from kapagate.identity.replays import Delivery, Ticket
from kapagate.stores.memory_replays import MemoryReplays
from tests.chain.conftest import Lab, ListSink, inbound
from tests.stores.replays import message

MESSAGE = message(1)


class Flaky(MemoryReplays):
    """A store that fails in the calls that it is told to."""

    failing: frozenset[str] = frozenset()

    async def claim(self, delivery: Delivery) -> Ticket | int | None:
        if "claim" in self.failing:
            raise BackendFailed("no store")
        return await super().claim(delivery)

    async def remember(self, ticket: Ticket, status: int) -> None:
        if "remember" in self.failing:
            raise BackendFailed("no store")
        await super().remember(ticket, status)


class Hooks:
    """The laboratory with a gate that knows the message, and a client that sends it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.lab.adapter.codec = None
        self.store = Flaky(lab.clock)

    def gate(self) -> list[Placed]:
        def found(ex: Exchange) -> None:
            ex.put(DELIVERY, MESSAGE)

        first = self.lab.placed("verify", only=["request"], request=found, writes=frozenset({DELIVERY}))
        return [first, self.lab.identify(), self.lab.placed("once", step=Deliveries(self.store).step())]

    async def send(self, answer: Any, chain: Any = (), patience: int | None = None) -> ListSink:
        """One request; `answer`: what the upstream does with it."""
        self.lab.hop.answer = answer
        self.lab.sink = ListSink(patience)
        await self.lab.run(self.gate(), chain)
        return self.lab.sink

    @property
    def deliveries(self) -> int:
        return len(self.lab.hop.sent)


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(Lab())


@pytest.mark.parametrize("status", [200, 202, 204, 299])
async def test_a_delivered_message_gets_its_status_again_without_a_second_delivery(hooks: Hooks, status: int) -> None:
    first = await hooks.send(inbound(b"taken", status=status))
    again = await hooks.send(inbound(b"never", status=500))
    assert (first.head.status, again.head.status) == (status, status)
    assert (again.body, again.head.length, again.ended) == (b"", 0, True)
    assert hooks.deliveries == 1


@pytest.mark.parametrize(
    "failure",
    [
        inbound(b"no", status=500),
        inbound(b"moved", status=302),
        inbound(b"gone", status=410),
        inbound(Truncated()),
        inbound(b"half", Truncated()),
        inbound(b"half", b"more", Problem(problems.UPSTREAM_TIMEOUT, "too slow")),
        Problem(problems.UPSTREAM_UNREACHABLE, "down"),
        Problem(problems.UPSTREAM_TIMEOUT, "too slow"),
    ],
    ids=["500", "302", "410", "no body", "half", "idle", "down", "timeout"],
)
async def test_a_failed_delivery_is_forgotten_and_its_retry_delivered(hooks: Hooks, failure: Any) -> None:
    await hooks.send(failure)
    assert (await hooks.send(inbound(b"taken"))).head.status == 200
    assert hooks.deliveries == 2


async def test_a_refusal_of_the_chain_is_no_delivery(hooks: Hooks) -> None:
    refusing = hooks.lab.placed("limit", only=["request"], request=Problem(problems.RATE_LIMITED, "wait"))
    assert (await hooks.send(inbound(b"taken"), [refusing])).head.status == 429
    assert (await hooks.send(inbound(b"taken"))).head.status == 200
    assert hooks.deliveries == 1


async def test_an_answer_that_is_refused_on_its_way_out_is_forgotten(hooks: Hooks) -> None:
    failing = hooks.lab.placed("outer", only=["opening"], opening=Problem(problems.ANSWER_REFUSED, "no"))
    gate = [failing, *hooks.gate()]
    hooks.lab.hop.answer = inbound(b"taken")
    await hooks.lab.run(gate)
    assert hooks.lab.sink.head.status == 422
    assert (await hooks.send(inbound(b"taken"))).head.status == 200
    assert hooks.deliveries == 2


async def test_one_that_is_under_way_is_refused_with_the_time_to_wait(hooks: Hooks) -> None:
    second: list[ListSink] = []

    async def duplicate(ex: Exchange) -> None:
        ex.step = "while the first waits"
        inner = Lab()
        inner.adapter.codec = None
        twin = Hooks(inner)
        twin.store = hooks.store
        second.append(await twin.send(inbound(b"twice")))
        assert twin.deliveries == 0

    waiting = hooks.lab.step("waits", only=[])
    slow = hooks.lab.placed("slow", step=type(waiting)(on_request=duplicate))
    assert (await hooks.send(inbound(b"taken"), [slow])).head.status == 200
    (refused,) = second
    assert refused.head.status == 409
    assert refused.problem["type"].endswith("/delivery-under-way")
    assert refused.problem["step"] == "once"
    assert refused.header(b"retry-after") == b"5"
    assert (await hooks.send(inbound(b"never"))).body == b""


@pytest.mark.parametrize("patience", [0, 1])
async def test_a_sender_that_leaves_with_a_2xx_has_its_answer(hooks: Hooks, patience: int) -> None:
    await hooks.send(inbound(b"one", b"two", b"three"), patience=patience)
    assert hooks.lab.sink.was_cut
    assert (await hooks.send(inbound(b"never", status=500))).head.status == 200
    assert hooks.deliveries == 1


async def test_a_sender_that_left_before_any_answer_will_try_again(hooks: Hooks) -> None:
    await hooks.send(Gone())
    assert (await hooks.send(inbound(b"taken"))).head.status == 200
    assert hooks.deliveries == 2


async def test_nothing_is_delivered_when_it_cannot_be_claimed(hooks: Hooks) -> None:
    hooks.store.failing = frozenset({"claim"})
    refused = await hooks.send(inbound(b"taken"))
    assert (refused.head.status, refused.header(b"retry-after")) == (503, b"1")
    assert hooks.deliveries == 0


async def test_what_cannot_be_remembered_was_not_delivered_as_far_as_the_sender_knows(hooks: Hooks) -> None:
    hooks.store.failing = frozenset({"remember"})
    assert (await hooks.send(inbound(b"taken"))).head.status == 503
    hooks.store.failing = frozenset()
    assert (await hooks.send(inbound(b"taken"))).head.status == 200
    assert hooks.deliveries == 2


async def test_the_record_says_that_it_was_delivered_before(hooks: Hooks) -> None:
    await hooks.send(inbound(b"taken"))
    ex = await hooks.lab.run(hooks.gate())
    verdict = ex.verdicts["once"]
    assert (verdict.outcome, verdict.reason) == ("answered", "delivered before")
