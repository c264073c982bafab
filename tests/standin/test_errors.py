from __future__ import annotations

from kapagate.standin.errors import KapaError, failed, invalid, not_found


def test_a_validation_error_lists_messages_by_field() -> None:
    error = invalid({"top_k": ["too large"]})
    assert (error.status, error.body) == (400, {"top_k": ["too large"]})


def test_unknown_and_out_of_reach_look_the_same() -> None:
    assert (not_found().status, not_found().body) == (404, {"detail": "Not found."})


def test_a_throttled_call_says_when_to_come_back() -> None:
    error = failed(429, 7)
    assert error.headers == {"Retry-After": "7"}
    assert error.body == {"detail": "Request was throttled. Expected available in 7 seconds."}


def test_a_throttled_call_may_keep_silent_about_it() -> None:
    assert failed(429, None).headers == {}


def test_any_other_failure_has_a_detail() -> None:
    error = failed(503, None)
    assert isinstance(error, KapaError)
    assert error.status == 503
    assert "503" in str(error.body["detail"])
