from __future__ import annotations

import pytest

from kapagate.guards.mailbox import LONGEST, SIGNS, local_part


@pytest.mark.parametrize("sign", [chr(sign) for sign in SIGNS if chr(sign) not in "./"])
def test_every_sign_between_letters_is_the_address_s_own(sign: str) -> None:
    for local in (f"j4ne{sign}doe", f"j4ne{sign}d.oe", f"j4ne{sign}x{sign}doe"):
        assert local_part(f"to {local}".encode(), b" ") == local.encode()


@pytest.mark.parametrize("sign", "!#$^~?&_")
def test_signs_that_open_nothing_may_come_first(sign: str) -> None:
    assert local_part(f"to {sign}jane".encode(), b" ") == f"{sign}jane".encode()


@pytest.mark.parametrize("sign", "!#$%&'*+-?^_`}~")
def test_signs_that_end_no_expression_may_come_last(sign: str) -> None:
    assert local_part(f"to jane{sign}".encode(), b" ") == f"jane{sign}".encode()


@pytest.mark.parametrize(
    "before",
    [
        *(
            "email=",
            "to=",
            "user.email=",
            "smtp_from=",
            "--owner=",
            "MAILTO=",
            "k=",
            "x?any=",
            "a=1&any=",
            "userEmail=",
        ),
        *(
            "https:",
            "https://x.example/",
            "//x.example/users/",
            "/home/",
            "/x?q=",
            "/x#",
            "/x?",
            "docs.example/",
            "sales/",
        ),
        *("{id}", "{{a.b}}", "${id}-", "#{id}", "a%20", "a%3D", "a%22"),
        *("*", "**", "`", "'", "|", "||", "{", "=", "-", "+", "..."),
    ],
)
def test_what_delimits_an_address_is_none_of_it(before: str) -> None:
    assert local_part(f"{before}jane".encode(), b" ") == b"jane"


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        *(("`", "`"), ("use`", "`"), ("name|", "|"), ("1|name|", "|"), ("name|", "\n"), ("name|", ""), ("{", "}")),
        *(("email{", "}"), ("x='", "'"), ("'", "'"), ("see*", "*"), ("~~", "~"), ("__", "_"), ("$", "$"), ("!", "!")),
    ],
)
def test_pairs_that_close_behind_it_are_none_of_it(before: str, behind: str) -> None:
    found = local_part(f"{before}jane".encode(), behind.encode())
    assert found == (b"see*jane" if before == "see*" else b"jane")


def test_a_bracket_behind_a_command_of_latex_opens() -> None:
    assert local_part(rb"\email{jane", b",") == b"jane"


@pytest.mark.parametrize("between", "&|/;=,?*")
def test_another_address_right_before_it_is_none_of_it(between: str) -> None:
    assert local_part(f"bob@x.example{between}jane".encode(), b" ") == b"jane"


@pytest.mark.parametrize(
    "text",
    [
        *("*", "%", ".*", "#", "!", "{user}", "${user}", "$USER", "%s", "'%s.%s", "%USERNAME%"),
        *("x/", "youtube.com/", "https://x.example/", "a==", "a||", "a&&", "x={", "jane.", ""),
    ],
)
def test_globs_placeholders_paths_and_expressions_are_no_local_parts(text: str) -> None:
    assert local_part(text.encode(), b" ") == b""


@pytest.mark.parametrize("local", ['"john doe"', '"john.doe"', '"a@b"', r"\"john doe\"", '"a<b>"'])
def test_quoted_local_parts_of_one_word_or_two(local: str) -> None:
    assert local_part(f"to {local}".encode(), b" ") == local.encode()


def test_of_more_words_between_quotes_the_last() -> None:
    assert local_part(b'to "john q. doe"', b" ") == b'doe"'


@pytest.mark.parametrize("text", ['"${user}"', '"$USER"', '"%s"', 'said ""', '"{name}"'])
def test_quoted_placeholders_are_no_local_parts(text: str) -> None:
    assert local_part(text.encode(), b" ") == b""


def test_looks_at_no_more_than_it_may_be_long() -> None:
    assert local_part(b"x" * 200, b" ") == b"x" * LONGEST
    assert local_part(b"a/" * 100 + b"x" * 10, b" ") == b"x" * 10
