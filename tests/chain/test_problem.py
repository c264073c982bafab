from __future__ import annotations

import pytest

from kapagate.answer.refusal import Refusal
from kapagate.chain import problems
from kapagate.chain.problem import BackendFailed, Gone, Kind, Problem

KIND = Kind("too-odd", 422, "It is too odd")


def test_a_document_is_a_problem_of_rfc_9457_with_our_members() -> None:
    problem = Problem(KIND, "odd", members={"rule": "seven"})
    problem.step = "ask"
    assert problem.document("d1", "c1") == {
        "type": "https://kapagate.dev/problems/too-odd",
        "title": "It is too odd",
        "status": 422,
        "detail": "odd",
        "step": "ask",
        "decision": "d1",
        "correlation_id": "c1",
        "rule": "seven",
    }


def test_a_document_begins_with_its_type() -> None:
    assert next(iter(Problem(KIND, "odd", members={"a": 1}).document("d", "c"))) == "type"


def test_what_is_unknown_is_left_out() -> None:
    document = Problem(KIND, "").document("d1", "")
    assert document.keys() == {"type", "title", "status", "decision"}


def test_members_never_replace_what_the_standard_says() -> None:
    problem = Problem(KIND, "odd", members={"status": 200, "type": "x", "detail": "y", "decision": "z"})
    document = problem.document("d1", "c1")
    assert (document["status"], document["detail"], document["decision"]) == (422, "odd", "d1")


def test_a_problem_is_never_stored_by_caches() -> None:
    headers = dict(Problem(KIND, "odd").headers())
    assert headers == {b"Content-Type": b"application/problem+json", b"Cache-Control": b"no-store"}


@pytest.mark.parametrize(("seconds", "text"), [(0, b"1"), (0.2, b"1"), (1, b"1"), (1.01, b"2"), (30.0, b"30")])
def test_retry_after_is_whole_seconds_rounded_up(seconds: float, text: bytes) -> None:
    assert dict(Problem(KIND, "odd", retry_after=seconds).headers())[b"Retry-After"] == text


def test_each_challenge_has_a_field_of_its_own() -> None:
    headers = Problem(KIND, "odd", challenges=["Bearer", 'ApiKey realm="x"']).headers()
    assert [value for name, value in headers if name == b"WWW-Authenticate"] == [b"Bearer", b'ApiKey realm="x"']


def test_allowed_methods_are_one_field() -> None:
    assert dict(Problem(KIND, "odd", allow=["GET", "HEAD"]).headers())[b"Allow"] == b"GET, HEAD"


def test_a_problem_is_a_decision_a_failed_back_end_is_not_and_nobody_swallows_gone() -> None:
    assert issubclass(Problem, Refusal)
    assert not issubclass(BackendFailed, Refusal)
    assert not issubclass(Gone, Exception)


def test_what_a_log_shows_of_a_problem_names_it() -> None:
    assert "too-odd" in str(Problem(KIND, "odd"))
    assert Problem(problems.FORBIDDEN, "no").step == ""
