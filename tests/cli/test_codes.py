from __future__ import annotations

from kapagate.cli import codes


def test_exit_codes_are_those_that_were_promised() -> None:
    promised = (codes.GOOD, codes.FAILED, codes.USAGE, codes.INVALID_POLICY, codes.TESTS_FAILED, codes.LOOSENING)
    assert promised == (0, 1, 2, 3, 4, 5)
