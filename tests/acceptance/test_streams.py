"""Streams under the shipped policy: the words of the JSON form, however they are cut, and nothing forbidden ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapagate.chain.response import Truncated
from kapagate.demo.stage import Reply, Stage
from kapagate.standin.specimens import SPECIMENS
from tests.acceptance.engine import THREAD, engine
from tests.acceptance.served import ADA, EVE, bearer, served
from tests.chain.conftest import ListSink

SEPARATOR = "␞".encode()
ANSWER = "5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c"
SOURCES = [
    {"source_url": "https://docs.example/a", "title": "A|B ␞", "contains_internal_data": False},
    {"source_url": "https://docs.example/b", "title": f"Ask {SPECIMENS['email']}", "subtitle": "x"},
]
IDENTIFIERS = {"thread_id": THREAD, "question_answer_id": ANSWER}
SECRET = "-".join(("sk", "proj", "A1b2C3d4E5f6G7h8I9j0K1l2"))
FORBIDDEN = [*SPECIMENS.values(), SECRET]
Pair = tuple[str, str, dict[str, Any]]
PAIRS: list[Pair] = [
    ("/query/v1/projects/default/chat/", "/query/v1/projects/default/chat/stream/", {}),
    (f"/query/v1/threads/{THREAD}/chat/", f"/query/v1/threads/{THREAD}/chat/stream/", {}),
    ("/api/kapa/query", "/api/kapa/query", {"stream": True}),
    ("/api/kapa/query", "/api/kapa/query", {"stream": True, "thread_id": THREAD}),
]
TENANTS = ["acme", "globex"]  # `stream: window` and `stream: buffer`

prose = st.sampled_from(
    [
        "Nimbus keeps what you send, and sends what it keeps.",
        "See [the guide](https://docs.example/guide#top), then run `nimbus start`.",
        "Ärger, naïve, 東京の天気, ไม่มีช่องว่าง, 🙂👩‍👩‍👧",
        "line\nbreak\ttab\r\n- item 4,000 of 10.5",
        "a separator ␞ in the middle, and an escape \\u241e",
        "version 2.17.4 on port 8080 since 2024-05-01",
        "<email> stays as it is",
        "",
    ]
)
texts = st.text(st.characters(codec="utf-8"), max_size=30)
parts = st.lists(st.one_of(prose, texts, st.sampled_from([f" ask {each} now " for each in FORBIDDEN])), max_size=12)
long_tails = st.sampled_from(["", "", "word " * 1700, "東京" * 4100, f"{'so ' * 2640}{SPECIMENS['email']} and on " * 2])
answers = st.tuples(parts, long_tails).map(lambda both: " ".join((*both[0], both[1])))


def record(kind: str, content: dict[str, Any], end: bool = False) -> bytes:
    """As Kapa writes it: a separator inside a string is escaped."""
    raw = orjson.dumps({"chunk": {"type": kind, "content": content, "stream_end": end}})
    return raw.replace(SEPARATOR, b"\\u241e") + SEPARATOR


def stream_of(pieces: Sequence[str], uncertain: bool, *, closed: bool = True) -> bytes:
    records = [record("partial_answer", {"text": piece}) for piece in pieces]
    records.append(record("relevant_sources", {"relevant_sources": SOURCES}))
    records.append(record("metadata", {"is_uncertain": uncertain}))
    if closed:
        records.append(record("identifiers", IDENTIFIERS, end=True))
    return b"".join(records)


def object_of(text: str, uncertain: bool) -> bytes:
    known = {"answer": text, **IDENTIFIERS, "is_uncertain": uncertain, "relevant_sources": SOURCES}
    return orjson.dumps(known)


def cut(whole: Any, places: Sequence[int]) -> list[Any]:
    """The whole in pieces, none of them empty."""
    edges = sorted({0, len(whole), *(place % (len(whole) + 1) for place in places)})
    return [whole[start:end] for start, end in pairwise(edges)]


def read(body: bytes) -> dict[str, Any]:
    """The stream as a client reads it: every record ends with its separator, and the closing one is last."""
    *records, rest = body.split(SEPARATOR)
    assert rest == b"", "a client would lose this record"
    chunks = [orjson.loads(each)["chunk"] for each in records]
    assert [chunk["stream_end"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    told: dict[str, Any] = {"answer": ""}
    for chunk in chunks:
        content = chunk["content"]
        told["answer"] += content.get("text", "")
        told |= {name: value for name, value in content.items() if name != "text"}
    told["last"] = chunks[-1]["type"]
    return told


def check_prefixes(sink: ListSink, answer: str) -> None:
    """Whatever had been sent when the line fell is a beginning of the answer, in whole records."""
    sent, words = b"", ""
    for piece in sink.pieces:
        sent += piece
        assert not piece or piece.endswith(SEPARATOR)
        for raw in piece.split(SEPARATOR)[:-1]:
            words += orjson.loads(raw)["chunk"]["content"].get("text", "")
        assert answer.startswith(words)
    for forbidden in FORBIDDEN:
        assert forbidden not in words
        assert forbidden.encode() not in sent


async def whole_of(pair: Pair, tenant: str, text: str, uncertain: bool) -> dict[str, Any]:
    """The answer in its JSON form."""
    path, _, body = pair
    sink = await engine().ask(path, [object_of(text, uncertain)], tenant, **({**body, "stream": False} if body else {}))
    assert sink.head.status == 200
    return dict(orjson.loads(sink.body))


async def check_stream(pair: Pair, tenant: str, pieces: Sequence[bytes], expected: dict[str, Any]) -> None:
    """The stream in these pieces says what is expected, and said nothing else on the way."""
    _, path, body = pair
    sink = await engine().ask(path, pieces, tenant, **body)
    assert sink.head.status == 200
    assert not sink.was_cut
    assert read(sink.body) == {**expected, "last": "identifiers"}
    check_prefixes(sink, expected["answer"])


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[1] + "".join(pair[2]))
@given(data=st.data())
@settings(max_examples=max(30, settings.default.max_examples // 10))
async def test_a_stream_says_what_the_object_says_however_it_is_cut(
    pair: Pair, tenant: str, data: st.DataObject
) -> None:
    text, uncertain = data.draw(answers), data.draw(st.booleans())
    places = st.lists(st.integers(0, 1 << 20), max_size=24)
    pieces = [*cut(text, data.draw(places)), *([""] if data.draw(st.booleans()) else [])]
    stream = cut(stream_of(pieces, uncertain), data.draw(places))
    await check_stream(pair, tenant, stream, await whole_of(pair, tenant, text, uncertain))


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize(
    "text",
    [
        f"Call {SPECIMENS['phone']} or {SPECIMENS['email']} ␞ now",
        f"card {SPECIMENS['card']}, IBAN {SPECIMENS['iban']}.",
        f"東京 {SPECIMENS['ip']} naïve {SPECIMENS['ssn']} 🙂",
        f"key {SECRET} end",
    ],
)
async def test_a_stream_may_be_cut_at_every_byte(text: str, tenant: str) -> None:
    stream = stream_of(cut(text, range(0, len(text), 7)), True)
    expected = await whole_of(PAIRS[0], tenant, text, True)
    for place in range(1, len(stream)):
        await check_stream(PAIRS[0], tenant, cut(stream, [place]), expected)
    await check_stream(PAIRS[0], tenant, cut(stream, range(len(stream))), expected)


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("kind", SPECIMENS)
async def test_a_value_may_be_cut_over_records_anywhere(kind: str, tenant: str) -> None:
    text = f"It is {SPECIMENS[kind]}, they say."
    for place in range(1, len(text)):
        pieces = cut(text, [place])
        records = [record("partial_answer", {"text": piece}) for piece in pieces]
        rest = stream_of([], False)
        sink = await engine().ask(PAIRS[0][1], [*records, rest], tenant)
        assert read(sink.body)["answer"] == f"It is <{kind}>, they say."
        check_prefixes(sink, read(sink.body)["answer"])


async def test_clean_text_flows_before_the_answer_ends() -> None:
    pieces = [record("partial_answer", {"text": f"sentence number {n} ends. "}) for n in range(20)]
    sink = await engine().ask(PAIRS[0][1], [*pieces, stream_of([], False)])
    assert len(sink.pieces) > 15


async def test_a_buffered_tenant_gets_nothing_before_the_end() -> None:
    pieces = [record("partial_answer", {"text": f"sentence number {n} ends. "}) for n in range(20)]
    sink = await engine().ask(PAIRS[0][1], [*pieces, Truncated("broke off")], "globex")
    assert sink.head.status == 502
    assert sink.problem["type"].startswith("https://kapagate.dev/problems/upstream-")


@pytest.mark.parametrize("tenant", TENANTS)
async def test_a_long_stream_ends_at_a_word_with_its_notice_and_its_identifiers(tenant: str) -> None:
    text = "word " * 2000
    sink = await engine().ask(PAIRS[0][1], cut(stream_of(cut(text, range(0, 10000, 33)), False), [7, 500]), tenant)
    told = read(sink.body)
    assert told["answer"].startswith("word word")
    assert told["answer"].endswith("word […] (shortened)")
    assert len(told["answer"]) <= 8000 + len(" […] (shortened)")
    assert (told["last"], told["thread_id"]) == ("identifiers", THREAD)


@pytest.mark.parametrize(("tenant", "end"), [("acme", "documentation."), ("globex", "account team.")])
async def test_an_uncertain_stream_is_disclaimed_in_the_tenants_own_words(tenant: str, end: str) -> None:
    for uncertain in (True, False):
        sink = await engine().ask(PAIRS[0][1], [stream_of(["Perhaps."], uncertain)], tenant)
        assert read(sink.body)["answer"].endswith(end) is uncertain


async def test_any_order_of_records_gives_the_same_answer() -> None:
    words = [
        record("partial_answer", {"text": "Ask ada.moreno@"}),
        record("partial_answer", {"text": "nimbus.example!"}),
    ]
    facts = [record("metadata", {"is_uncertain": True}), record("relevant_sources", {"relevant_sources": SOURCES})]
    end = record("identifiers", IDENTIFIERS, end=True)
    orders = [[*facts, *words, end], [words[0], *facts, words[1], end], [*words, *reversed(facts), end]]
    told = [read((await engine().ask(PAIRS[0][1], order)).body) for order in orders]
    assert told[0] == told[1] == told[2]
    assert told[0]["answer"].startswith("Ask <email>!\n\n")
    assert told[0]["relevant_sources"][1]["title"] == "Ask <email>"


async def test_records_of_unknown_type_pass_without_what_is_forbidden() -> None:
    note = {"note": {"text": f"mail {SPECIMENS['email']}"}, "list": [SPECIMENS["card"], 1, None], "on": True}
    unknown = orjson.dumps({"chunk": {"type": "news", "content": note, "stream_end": False}}) + SEPARATOR
    sink = await engine().ask(PAIRS[0][1], [unknown, stream_of(["Hi"], False)])
    told = read(sink.body)
    assert told["note"] == {"text": "mail <email>"}
    assert told["list"] == ["<card>", 1, None]
    assert told["on"] is True


@pytest.mark.parametrize("last", ["with", "without"])
async def test_a_closing_record_without_its_separator_gets_one(last: str) -> None:
    stream = stream_of(["Hi"], False)
    sink = await engine().ask(PAIRS[0][1], [stream if last == "with" else stream.removesuffix(SEPARATOR)])
    assert read(sink.body)["last"] == "identifiers"


async def test_kapas_own_failure_in_mid_stream_ends_it_in_kapas_words() -> None:
    failed = record("error", {"reason": f"ask {SPECIMENS['email']}"}, end=True)
    sink = await engine().ask(PAIRS[0][1], [record("partial_answer", {"text": "so far. "}), failed])
    told = read(sink.body)
    assert (told["last"], told["reason"], told["answer"]) == ("error", "ask <email>", "so far. ")


async def test_a_record_that_is_not_json_ends_the_stream_with_an_error_record() -> None:
    words = [record("partial_answer", {"text": f"sentence {n} ends. "}) for n in range(9)]
    sink = await engine().ask(PAIRS[0][1], [*words, b"data: what?" + SEPARATOR, stream_of([], False)])
    told = read(sink.body)
    assert told["last"] == "error"
    assert "what?" not in sink.body.decode()


async def test_a_stream_that_breaks_off_never_looks_finished() -> None:
    words = [record("partial_answer", {"text": f"sentence {n} ends. "}) for n in range(9)]
    sink = await engine().ask(PAIRS[0][1], [*words, Truncated("broke off")])
    assert sink.was_cut
    assert not sink.ended
    assert (await engine().ledger.query(1))[0]["outcome"] == "failed"


async def ask(stage: Stage, path: str, query: str, who: tuple[str, str, str] = ADA, **more: Any) -> Reply:
    reply = await stage.ask("POST", path, {"query": query, **more}, bearer(stage, who))
    assert reply.status == 200
    return reply


@pytest.mark.parametrize("who", [ADA, EVE])
@pytest.mark.parametrize("faults", ["", "[[cut-pieces=1]]", "[[uncertain]]", "[[size=9000]]"])
async def test_through_sockets_all_five_ways_to_chat_say_the_same(
    tmp_path: Path, who: tuple[str, str, str], faults: str
) -> None:
    """The JSON form, the stream, both in a thread, and the gateway's own address."""
    query = f"Whom do I call? [[pii]] {faults}"
    async with served(tmp_path) as stage:
        first = (await ask(stage, "/query/v1/projects/default/chat/", query, who)).document
        thread = f"/query/v1/threads/{first['thread_id']}/chat/"
        others = [
            (await ask(stage, thread, query, who)).document,
            (await ask(stage, "/api/kapa/query", query, who)).document,
            read((await ask(stage, "/query/v1/projects/default/chat/stream/", query, who)).body),
            read((await ask(stage, f"{thread}stream/", query, who)).body),
            read((await ask(stage, "/api/kapa/query", query, who, stream=True)).body),
            read((await ask(stage, "/api/kapa/query", query, who, stream=True, thread_id=first["thread_id"])).body),
        ]
        assert len(stage.kapa.requests) == 1 + len(others)
    assert "<email>" in first["answer"] or "size" in faults
    for other in others:
        assert other.get("last", "identifiers") == "identifiers"
        for told in ("answer", "relevant_sources", "is_uncertain"):
            assert other[told] == first[told]
        assert {"thread_id", "question_answer_id"} <= other.keys()


@pytest.mark.parametrize(("who", "held"), [(ADA, False), (EVE, True)])
async def test_through_sockets_what_rests_on_nothing_is_withheld_where_it_can_be(
    tmp_path: Path, who: tuple[str, str, str], held: bool
) -> None:
    """The example asks for a source. A stream that flows is disclaimed at its end, as `at_end` says."""
    async with served(tmp_path) as stage:
        chat = "/query/v1/projects/default/chat/"
        whole = (await ask(stage, chat, "Why? [[no-sources]]", who)).document
        flowed = read((await ask(stage, f"{chat}stream/", "Why? [[no-sources]]", who)).body)
    assert whole["answer"].startswith("This answer cannot be shown.")
    assert flowed["answer"].startswith("This answer cannot be shown.") is held
    assert (whole["relevant_sources"], flowed["last"]) == ([], "identifiers")
    assert held or flowed["answer"].split("\n\n")[-1].startswith("This answer may be incomplete")


async def test_through_sockets_text_arrives_while_kapa_still_speaks(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await ended.wait()

    async with served(tmp_path, kapa={"sleep": sleep}) as stage:
        url = f"{stage.gateway.data_url}/query/v1/projects/default/chat/stream/"
        question = {"query": "Tell me! [[stall=1]] [[cut-pieces=300]]"}
        async with stage.client.post(url, json=question, headers=bearer(stage)) as answer:
            first = await asyncio.wait_for(answer.content.readuntil(SEPARATOR), 10)
            assert orjson.loads(first.removesuffix(SEPARATOR))["chunk"]["type"] == "partial_answer"
            assert not ended.is_set()
            ended.set()
            assert read(first + await answer.read())["last"] == "identifiers"
