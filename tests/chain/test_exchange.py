from __future__ import annotations

import pytest

from kapagate.chain import problems
from kapagate.chain.edit import UNREAD
from kapagate.chain.fact import Fact
from kapagate.chain.problem import Gone, Problem

COLOUR: Fact[str] = Fact("colour")


def test_facts_are_put_and_read(lab) -> None:
    ex = lab.exchange()
    assert ex.get(COLOUR) is None
    with pytest.raises(KeyError):
        ex[COLOUR]
    ex.put(COLOUR, "red")
    assert (ex[COLOUR], ex.get(COLOUR)) == ("red", "red")


def test_verdicts_are_made_when_first_asked_for(lab) -> None:
    ex = lab.exchange()
    ex.step = "one"
    ex.verdict().count("email")
    ex.verdict("one").count("email")
    assert ex.verdict("two").outcome == "passed"
    assert ex.verdicts["one"].counts == {"email": 2}


async def test_the_document_is_read_and_parsed_once(lab) -> None:
    ex = lab.exchange(body=lab.Body(b'{"a": [1, "x"]}'))
    assert ex.edit.document is UNREAD
    first = await ex.document()
    assert first == {"a": [1, "x"]}
    assert await ex.document() is first
    assert ex.request.body.reads == 1


async def test_where_a_route_asks_by_its_query_that_is_the_document_and_the_body_is_not_read(lab) -> None:
    ex = lab.exchange(route=lab.route(asks_by_query=True), body=lab.Body(b"not JSON"))
    ex.request.query = "page=2&search=a%20b"
    assert await ex.document() == {"page": "2", "search": "a b"}
    assert ex.request.body.reads == 0


async def test_the_document_has_the_steps_changes(lab) -> None:
    ex = lab.exchange()
    ex.edit = ex.edit.with_document({**await ex.document(), "more": 1})
    assert await ex.document() == {"query": "why", "more": 1}


@pytest.mark.parametrize("falsy", [b"null", b"false", b"0", b'""', b"[]", b"{}"])
async def test_any_json_value_is_a_document(lab, falsy: bytes) -> None:
    ex = lab.exchange(body=lab.Body(falsy))
    await ex.document()
    assert await ex.document() in (None, False, 0, "", [], {})
    assert ex.request.body.reads == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"a":1,"a":2}', b"[" * 200, b"NaN", b"{} {}", b"1" * 30, b'"\\ud800"']
)
async def test_a_body_that_is_no_acceptable_json_is_a_400(lab, body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        await lab.exchange(body=body).document()
    assert caught.value.kind is problems.MALFORMED_BODY
    assert len(caught.value.detail) < 200


async def test_a_body_above_the_routes_limit_is_a_413(lab) -> None:
    with pytest.raises(Problem) as caught:
        await lab.exchange(body=b'{"a":1}', route=lab.route(body_limit=6)).document()
    assert caught.value.kind is problems.BODY_TOO_LARGE
    assert await lab.exchange(body=b'{"a":1}', route=lab.route(body_limit=7)).document() == {"a": 1}


@pytest.mark.parametrize("codings", [[b"gzip"], [b"identity", b"gzip"], [b"identity, br"], [b""]])
async def test_a_coded_body_is_a_415_and_is_not_read(lab, codings: list[bytes]) -> None:
    ex = lab.exchange(body=lab.Body(b"{}"), headers=[(b"Content-Encoding", coding) for coding in codings])
    with pytest.raises(Problem) as caught:
        await ex.document()
    assert caught.value.kind is problems.UNSUPPORTED_MEDIA
    assert ex.request.body.reads == 0


async def test_a_body_that_says_that_it_is_not_coded_is_read(lab) -> None:
    ex = lab.exchange(body=b"{}", headers=[(b"Content-Encoding", b"Identity")])
    assert await ex.document() == {}


async def test_a_client_that_leaves_while_its_body_is_read_is_gone(lab) -> None:
    with pytest.raises(Gone):
        await lab.exchange(body=lab.Body(b"", failure=Gone())).document()


async def test_a_fork_shares_the_wire_and_the_parsed_body(lab) -> None:
    body = lab.Body(b'{"a":1}')
    ex = lab.exchange(body=body)
    twin = ex.fork("one")
    document = await twin.document()
    assert twin.request is ex.request
    assert await ex.document() is document
    assert await ex.fork("two").document() is document
    assert body.reads == 1


async def test_a_fork_sees_the_document_as_steps_before_it_left_it(lab) -> None:
    ex = lab.exchange()
    ex.edit = ex.edit.with_document({"query": "edited"})
    assert await ex.fork("one").document() == {"query": "edited"}


async def test_what_a_fork_does_stays_its_own(lab) -> None:
    ex = lab.exchange()
    ex.put(COLOUR, "red")
    twin = ex.fork("one")
    twin.put(COLOUR, "blue")
    twin.edit = twin.edit.with_context({"a": "b"}).with_document({})
    twin.headers_out.append((b"X", b"y"))
    twin.verdict().outcome = "changed"
    assert (ex[COLOUR], twin[COLOUR]) == ("red", "blue")
    assert (ex.edit.context, ex.edit.document, ex.headers_out, ex.verdicts) == ({}, UNREAD, [], {})
    assert twin.verdicts.keys() == {"one"}


def test_a_fork_sees_facts_that_are_found_out_later(lab) -> None:
    ex = lab.exchange()
    twin = ex.fork("one")
    ex.put(COLOUR, "red")
    assert twin[COLOUR] == "red"


def test_a_fork_catches_up_with_what_became_of_its_exchange(lab) -> None:
    ex = lab.exchange()
    twin = ex.fork("one")
    ex.status, ex.sent_bytes, ex.gone, ex.refusal = 403, 7, True, Problem(problems.FORBIDDEN, "no")
    assert twin.status == 0
    twin.catch_up()
    assert (twin.status, twin.sent_bytes, twin.gone, twin.refusal) == (403, 7, True, ex.refusal)
    assert twin.step == "one"


def test_an_exchange_that_is_no_fork_has_nothing_to_catch_up_with(lab) -> None:
    ex = lab.exchange()
    ex.status = 200
    ex.catch_up()
    assert ex.status == 200


def test_a_leaving_client_cancels_the_hop_alone(lab) -> None:
    ex, called = lab.exchange(), []
    ex.leave()
    assert ex.gone
    other = lab.exchange()
    other.when_gone = lambda: called.append("hop")
    other.leave()
    assert (other.gone, called) == (True, ["hop"])
