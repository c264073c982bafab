import pytest

from bench.load import is_whole, post
from bench.upstream import pieces, whole

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "answer", [SIZED, CHUNKED, whole(), b"".join(pieces())], ids=["sized", "chunked", "json", "stream"]
)
def test_an_answer_is_whole_at_its_last_byte_and_not_before(answer: bytes) -> None:
    assert [at for at in range(len(answer) + 1) if is_whole(answer[:at])] == [len(answer)]


def test_a_question_says_its_length() -> None:
    question = post("/ask", b'{"query": "x"}', {"X-Api-Key": "k"}, b"told")
    assert question.request.startswith(b"POST /ask HTTP/1.1\r\nHost: ")
    assert b"\r\nContent-Length: 14\r\n" in question.request
    assert b"\r\nX-Api-Key: k\r\n" in question.request
