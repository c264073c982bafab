import orjson

from bench.upstream import ANSWER, RECORDS, pieces, whole


def test_the_answer_has_six_hundred_bytes() -> None:
    document = orjson.loads(whole().partition(b"\r\n\r\n")[2])
    assert document["answer"] == ANSWER
    assert len(ANSWER.encode()) == 600


def test_a_stream_is_forty_records_in_as_many_writes() -> None:
    written = pieces()
    assert len(written) == RECORDS
    assert all(each.count("␞".encode()) == 1 for each in written)
