from __future__ import annotations

import pytest

from kapagate.kapa.heads import JSON, OBJECTS, RECORDS, as_it_came, refusal_of, unreadable, written_again
from tests.upstreams.asking import answers

HTML = (b"Content-Type", b"text/html")


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (301, "upstream-malformed", 502),
        (401, "upstream-credentials", 502),
        (403, "upstream-credentials", 502),
        (413, "upstream-failed", 502),
        (429, "upstream-limited", 429),
        (500, "upstream-failed", 502),
        (503, "upstream-unavailable", 503),
    ],
)
def test_what_is_told_in_the_place_of_an_error_that_is_not_json(status: int, kind: str, told: int) -> None:
    refusal = refusal_of(answers(status, HTML))
    assert refusal is not None
    assert (refusal.kind.name, refusal.kind.status) == (kind, told)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
@pytest.mark.parametrize("media", [b"application/json", b"Application/JSON; charset=utf-8"])
def test_an_error_in_json_is_told_itself(status: int, media: bytes) -> None:
    assert refusal_of(answers(status, (b"content-type", media))) is None


@pytest.mark.parametrize(
    ("said", "seconds"), [(b"7", 7.0), (b"soon", None), (b"-1", None), (b"", None), (b"9" * 400, None)]
)
def test_of_a_wait_only_seconds_are_believed(said: bytes, seconds: float | None) -> None:
    refusal = refusal_of(answers(503, HTML, (b"Retry-After", said)))
    assert refusal is not None
    assert refusal.retry_after == seconds


def test_what_a_guard_can_read_is_whole_and_plain_and_of_the_media_that_is_expected() -> None:
    assert unreadable(answers(200, JSON), OBJECTS) == ""
    assert unreadable(answers(200, JSON, (b"Content-Encoding", b"identity")), OBJECTS) == ""
    assert unreadable(answers(200, (b"Content-Type", b"text/plain; charset=utf-8")), RECORDS) == ""
    assert unreadable(answers(200, (b"Content-Type", b"text/plain")), OBJECTS) == "not JSON"
    assert unreadable(answers(206, JSON), OBJECTS) == "partial or coded"
    assert unreadable(answers(200, JSON, (b"Content-Encoding", b"br")), OBJECTS) == "partial or coded"


def test_cookies_and_everything_else_of_kapas_stay_here() -> None:
    said = [
        (b"Content-Type", b"application/json; x=y"),
        (b"Set-Cookie", b"a=b"),
        (b"Server", b"nginx"),
        (b"Via", b"api.kapa.ai"),
        (b"retry-after", b"7"),
    ]
    assert as_it_came(answers(200, *said)) == [said[0], said[4]]
    assert written_again(answers(200, *said)) == [JSON, (b"Retry-After", b"7")]


def test_fields_that_are_relayed_beside_a_guarded_answer_say_nothing_else() -> None:
    said = [(b"Cache-Control", b'max-age=60, private="x"'), (b"Retry-After", b"Wed, 21 Oct 2015 07:28:00 GMT")]
    assert written_again(answers(200, *said)) == [JSON, *said]
    smuggled = [(b"Cache-Control", b"ask joe@x.example"), (b"Retry-After", b"10.1.2.3"), (b"Retry-After", b"x" * 201)]
    assert written_again(answers(200, *smuggled)) == [JSON]
