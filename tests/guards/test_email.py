from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.email import EMAIL

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("write to jane@example.com today", "jane@example.com"),
        ("jane.doe+news@mail.example.co.uk.", "jane.doe+news@mail.example.co.uk"),
        ("mailto:jane@example.com?subject=x", "jane@example.com"),
        ("<jane_doe@example.museum>", "jane_doe@example.museum"),
        ("(o'brien@example.ie)", "o'brien@example.ie"),
        ("user=j@x.io&b=2", "j@x.io"),
        ("'jane@example.com'", "jane@example.com"),
        ("_jane@example.com_", "jane@example.com"),
        ("**jane@example.com**", "jane@example.com"),
        ("a@b@example.com", "b@example.com"),
        ("jürgen@müller.de!", "jürgen@müller.de"),
        ("请联系jane@example.com谢谢", "jane@example.com"),
        ("contact—jane@example.com—now", "jane@example.com"),
        ("jane@xn--mller-kva.example", "jane@xn--mller-kva.example"),
        ("jane＠example.com", "jane＠example.com"),
        ("\ud800jane@example.com", "jane@example.com"),
        ("ask cbarros!@example.com", "cbarros!@example.com"),
        ("value: #zvan-de-brink@example.org", "#zvan-de-brink@example.org"),
        ("R&D@example.com", "R&D@example.com"),
        ("from bounces+jane=example.org@lists.example", "bounces+jane=example.org@lists.example"),
        ("https://x.example/users/jane@example.com/edit", "jane@example.com"),
        ("projects/p/serviceAccounts/sa@p.iam.example.com", "sa@p.iam.example.com"),
        ("| a |jane@example.com| b |", "jane@example.com"),
        ("`jane@example.com`", "jane@example.com"),
        ("&lt;jane@example.com&gt;", "jane@example.com"),
        ("\\email{jane@example.com}", "jane@example.com"),
        ('"john doe"@example.com', '"john doe"@example.com'),
        ('<"john.doe"@example.com>', '"john.doe"@example.com'),
        ("to jane@[192.0.2.1].", "jane@[192.0.2.1]"),
        ("to jane@[IPv6:2001:db8::1]", "jane@[IPv6:2001:db8::1]"),
        ("to jane@\u4f8b\u5b50.\u4e2d\u56fd", "jane@\u4f8b\u5b50.\u4e2d\u56fd"),
        ("to jane@mail.\u4f8b\u3048.jp", "jane@mail.\u4f8b\u3048.jp"),
    ],
)
def test_finds_the_whole_address(found: Found, text: str, address: str) -> None:
    assert found(EMAIL, text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "no address here",
        "@jane on the forum",
        "https://medium.com/@jane/post-1",
        "npm install @types/node@18.2.1",
        "actions/checkout@v4",
        "git@github.com:org/repo.git",
        "icon@2x.png",
        "user@localhost",
        "a @ b.com",
        "jane@.com",
        "jane@example.c",
        "@dataclass\nclass A: ...",
        "SELECT @@version",
        "jane.@example.com",
        "x@1.2.3.4",
        "*@example.com",
        "like '%@example.com'",
        "ssh $USER@host.example.com",
        "'%s@example.com' % name",
        "f'{name}@example.com'",
        "https://youtube.com/@jane.doe",
        "a||@b.first",
        "domain=@example.com",
    ],
)
def test_leaves_what_is_no_address(found: Found, text: str) -> None:
    assert found(EMAIL, text) == []


def test_takes_at_most_64_characters_of_a_local_part(found: Found) -> None:
    assert found(EMAIL, "x" * 200 + "@example.com") == ["x" * 64 + "@example.com"]


def test_finds_each_of_several_addresses(found: Found) -> None:
    assert found(EMAIL, "a@b.org,c@d.org; e@f.org") == ["a@b.org", "c@d.org", "e@f.org"]


@pytest.mark.parametrize("address", ["_jane@example.com", "__init@example.com", "jane@\u4f8b\u3048.jp"])
def test_finds_what_begins_with_an_underscore_and_hosts_of_other_scripts(found: Found, address: str) -> None:
    assert found(EMAIL, f"to {address} or") == [address]


def test_finds_each_of_addresses_that_only_a_sign_parts(found: Found) -> None:
    assert found(EMAIL, "to=a@b.org&cc=c@d.org") == ["a@b.org", "c@d.org"]
    assert found(EMAIL, "a@b.org|c@d.org/e@f.org") == ["a@b.org", "c@d.org", "e@f.org"]
