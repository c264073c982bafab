from __future__ import annotations

import pytest

from tests.wire.case import corpus, parse

GET = r"GET /a HTTP/1.1\r\n\r\n"
CASE = f"""\
- name: a
  reason: "RFC 9112, 3"
  bytes: |
    {GET}
  answers: 400 malformed-request
"""


def test_the_corpus_is_as_large_as_was_promised() -> None:
    assert len(corpus("requests")) >= 300


def test_reads_a_case() -> None:
    (case,) = parse(CASE)
    assert case.bytes == b"GET /a HTTP/1.1\r\n\r\n"
    (answer,) = case.answers
    assert (answer.status, answer.kind, case.arrives, case.then) == (400, "malformed-request", [], "closed")


def test_unfolds_a_family() -> None:
    cases = parse(CASE.replace("/a", r"/\(each)") + "  each: {one: x, two: '\\0'}\n")
    assert [(case.name, case.bytes[:6]) for case in cases] == [("a[one]", b"GET /x"), ("a[two]", b"GET /\0")]


@pytest.mark.parametrize(
    "wrong",
    [
        CASE + "  answer: 400\n",
        CASE + "  name: b\n",
        CASE.replace("RFC 9112, 3", "because"),
        CASE.replace("name: a", "name: A b"),
        CASE.replace(r"\r", r"\q"),
        CASE.replace("/a", "/ä"),
        CASE.replace("400 malformed-request", "99"),
        CASE.replace("400 malformed-request", "200"),
        CASE.replace("400 malformed-request", "200 malformed-request") + "  arrives: GET /a\n",
        CASE.replace("  answers: 400 malformed-request\n", ""),
        CASE.replace("/a", r"/\(each)"),
        CASE + "  each: {one: x}\n",
        CASE + "  then: sometimes\n",
        "name: a\n",
    ],
)
def test_refuses_what_it_does_not_know(wrong: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of yaml, pydantic or the loader
        parse(wrong)
