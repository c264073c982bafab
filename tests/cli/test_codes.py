from __future__ import annotations

from kapagate.cli import codes


def test_exit_codes_are_those_that_were_promised_and_none_is_clicks() -> None:
    assert (codes.FAILED, codes.INVALID_POLICY) == (1, 3)
