"""Origins as browsers write them, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.access.origins import Origins, parse_origin

GOOD = [
    "https://app.example",
    "http://localhost:3000",
    "https://app.example:8443",
    "http://192.0.2.1",
    "http://[::1]:8080",
    "https://*.app.example",
    "https://*.app.example:8443",
    "http://*.localhost",
    "https://xn--bcher-kva.example",
    "chrome-extension://abcdefghijklmnop",
    "capacitor://localhost",
    "*",
]


@pytest.mark.parametrize("text", GOOD)
def test_takes_an_origin_as_a_browser_writes_it(text: str) -> None:
    assert parse_origin(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://App.example", "write https://app.example"),
        ("HTTPS://app.example", "write https://app.example"),
        ("https://app.example:443", "leave :443 out"),
        ("http://app.example:80", "leave :80 out"),
        ("https://app.example/", "no slash and no path"),
        ("https://app.example/help", "no slash and no path"),
        ("https://app.example?x", "no slash and no path"),
        ("https://bücher.example", "ASCII form"),
        ("null", "nobody can be meant"),
        ("NULL", "nobody can be meant"),
        ("https://*.example", "can be anybody's"),
        ("https://*", "one whole label"),
        ("https://a.*.example", "one whole label"),
        ("https://*app.example", "one whole label"),
        ("https://*.*.example", "one whole label"),
        ("http://[0:0::1]", "write [::1]"),
        ("http://[::g]", "expected an origin"),
        ("http://[::1::]", "expected an origin"),
        ("app.example", "expected an origin"),
        ("https://", "expected an origin"),
        ("https://u:p@app.example", "expected an origin"),
        ("https://app.example:0", "expected an origin"),
        ("https://app.example:65536", "expected an origin"),
        ("https://app..example", "expected an origin"),
        ("https://-app.example", "expected an origin"),
        ("", "expected an origin"),
        (5, "expected an origin"),
    ],
)
def test_says_how_to_mend_what_no_browser_would_say(text: object, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_origin(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        (b"https://app.example", True),
        (b"https://app.example:8443", False),
        (b"http://app.example", False),
        (b"https://APP.example", False),
        (b"https://app.example.", False),
        (b"https://app.example.evil.example", False),
        (b"https://evilapp.example", False),
        (b"null", False),
        (b"", False),
        (b"https://app.example, https://app.example", False),
        (b"https://a.team.example:8443", True),
        (b"https://a-1.team.example:8443", True),
        (b"https://xn--bcher-kva.team.example:8443", True),
        (b"https://a.team.example", False),
        (b"https://a.b.team.example:8443", False),
        (b"https://team.example:8443", False),
        (b"https://.team.example:8443", False),
        (b"https://*.team.example:8443", False),
        (b"https://A.team.example:8443", False),
        (b"https://a.teamXexample:8443", False),
        (b"https://evil.example/a.team.example:8443", False),
        (b"https://a.team.example:8443\n", False),
        (b"https://\xc3\xbc.team.example:8443", False),
    ],
)
def test_admits_what_the_policy_names_byte_by_byte(origin: bytes, admitted: bool) -> None:
    assert Origins(["https://app.example", "https://*.team.example:8443"]).admit(origin) is admitted


def test_an_asterisk_admits_every_page_even_one_without_an_origin_of_its_own() -> None:
    everybody = Origins(["*", "https://app.example"])
    assert everybody.any
    assert everybody.admit(b"https://app.example")
    assert everybody.admit(b"null")


def test_an_open_label_admits_nobody_but_those_below_it() -> None:
    assert not Origins(["https://*.app.example"]).admit(b"https://*.app.example")
    assert not Origins(["https://app.example"]).admit(b"*")


@given(st.text(max_size=60))
def test_whatever_is_taken_admits_itself_or_a_label_below(text: str) -> None:
    try:
        parsed = parse_origin(text)
    except ValueError:
        return
    assert Origins([parsed]).admit(parsed.replace("*", "a").encode())
