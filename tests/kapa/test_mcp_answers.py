from __future__ import annotations

from typing import Any

import orjson
import pytest

from kapagate.answer.codec import Garbled
from kapagate.answer.events import Other
from kapagate.kapa.mcp_answers import McpBody, McpEvents, Nothing

RESULT = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "a\nb"}]}}
LEFT = b"data: " + orjson.dumps(RESULT) + b"\n\n"
WIRE = (
    b": ping\r\n\r\nid: 1\r\ndata:\r\n\r\nevent: message\r\nid: 2\r\nretry: x\r\ndata: "
    + orjson.dumps(RESULT)
    + b"\r\n\r\n"
)


def through(codec: Any, *pieces: bytes) -> bytes:
    said = [codec.encode(codec.decode(piece)) for piece in pieces]
    return b"".join(said) + codec.finish(codec.end())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_a_stream_is_read_however_it_is_cut(size: int) -> None:
    pieces = [WIRE[at : at + size] for at in range(0, len(WIRE), size)]
    assert through(McpEvents([1]), *pieces) == b":\n\nid: 1\ndata: \n\nevent: message\nid: 2\n" + LEFT


def test_a_stream_is_the_same_at_every_cut() -> None:
    whole = through(McpEvents([1]), WIRE)
    assert {through(McpEvents([1]), WIRE[:at], WIRE[at:]) for at in range(len(WIRE))} == {whole}


def test_an_event_leaves_as_soon_as_it_is_complete() -> None:
    codec = McpEvents([1])
    assert codec.encode(codec.decode(LEFT[:-1])) == b""
    assert codec.encode(codec.decode(LEFT[-1:] + b"data: {")) == LEFT


def test_every_message_is_a_record_with_its_texts() -> None:
    (event,) = McpEvents().decode(LEFT)
    assert isinstance(event, Other)
    assert event.value == RESULT
    assert [place.path for place in event.places] == [("result", "content", 0, "text")]


def test_comments_lose_their_words() -> None:
    assert through(McpEvents(), b": by a@b.example\n\n") == b":\n\n"


@pytest.mark.parametrize("name", [b"a@b.example", b"call me"])
def test_an_id_that_is_more_than_a_word_stays_out(name: bytes) -> None:
    assert through(McpEvents([1]), b"id: " + name + b"\n" + LEFT) == LEFT
    assert through(McpEvents([1]), b"id\n" + LEFT).startswith(b"id: \ndata: ")


def test_no_reader_ends_a_line_where_none_ends() -> None:
    result = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "a\u2028data: b\u0085c"}]}}
    out = through(McpEvents([1]), b"data: " + orjson.dumps(result) + b"\n\n")
    assert len(out.decode().splitlines()) == 2
    assert orjson.loads(out[6:]) == result


@pytest.mark.parametrize(
    "wire",
    [
        b"data: hello\n\n",
        b"event: endpoint\ndata: {}\n\n",
        b'data: ["a"]',
        b'data: {"params":' + b"[" * 99 + b"]" * 99 + b"}",
    ],
)
def test_what_is_no_message_is_garbled(wire: bytes) -> None:
    with pytest.raises(Garbled):
        through(McpEvents(), wire + b"\n\n")


def test_a_refusal_is_an_error_for_every_call_that_has_no_answer_yet() -> None:
    codec = McpEvents([1, "b", 3])
    codec.encode(codec.decode(LEFT + b'data: [{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"x"}}]\n\n'))
    assert codec.failure("no") == (
        b'event: message\ndata: {"jsonrpc":"2.0","id":"b","error":{"code":-32000,"message":"no"}}\n\n'
    )


def test_where_nobody_asked_there_are_no_words_for_a_refusal() -> None:
    assert McpEvents().failure("no") is None
    codec = McpEvents([1])
    codec.encode(codec.decode(LEFT))
    assert codec.failure("no") is None


def test_a_question_of_the_server_with_the_same_id_is_no_answer() -> None:
    codec = McpEvents([1])
    codec.encode(codec.decode(b'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n'))
    assert codec.failure("no") is not None


def test_one_value_or_a_batch_is_read_whole() -> None:
    for value in (RESULT, [RESULT, RESULT]):
        codec = McpBody()
        codec.decode(orjson.dumps(value))
        (event,) = codec.end()
        assert orjson.loads(codec.finish([event])) == value


def test_where_nothing_should_be_nothing_is_told() -> None:
    codec = Nothing()
    codec.decode(b"a@b.example")
    assert codec.finish(codec.end()) == b""
