from __future__ import annotations

import pytest

from kapagate.guards.regex import finder, matcher, regex, regex_set, searcher


def test_what_lies_before_the_place_still_counts_for_word_boundaries() -> None:
    assert regex(rb"\bb").search(b"ab", 1) is None
    assert regex(rb"\bb").search(b" b", 1) is not None


def test_a_byte_above_ascii_is_one_character() -> None:
    match = regex(rb"\A.\xe9\z").search(b"a\xe9")
    assert match is not None
    assert match.span() == (0, 2)


def test_a_set_says_which_patterns_are_found() -> None:
    find = regex_set((rb"a\d", rb"@", rb"zz"))
    assert not find(b"xx")
    assert list(find(b"a1 @")) == [0, 1]


def test_patterns_that_are_too_large_together_are_an_error_and_not_silence() -> None:
    with pytest.raises(ValueError, match="too large"):
        regex_set(rb"(?:\w{900}-){1}%d" % number for number in range(300))


def test_a_searcher_and_a_matcher_say_what_is_spanned() -> None:
    search, match = searcher(rb"(a)b+"), matcher(rb"(a)b+")
    assert [search(b"xabb ab", start) for start in (0, 2, 6)] == [(1, 4), (5, 7), (-1, -1)]
    assert [match(b"xabb ab", start) for start in (0, 1)] == [(-1, -1), (1, 4)]


def test_a_finder_says_where_the_first_match_begins() -> None:
    find = finder(rb"(?:\bb|c)")
    assert [find(b"ab b c", start) for start in (0, 1, 4, 6)] == [3, 3, 5, -1]
    assert find(b"", 0) == -1


@pytest.mark.parametrize("pattern", [rb"(a)\1", rb"(?=a)", rb"("])
def test_patterns_that_re2_does_not_know_are_errors(pattern: bytes) -> None:
    with pytest.raises(Exception, match=r"\S"):
        regex(pattern)


def test_errors_are_not_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match=r"\S"):
        regex(rb"(a")
    assert capfd.readouterr() == ("", "")
