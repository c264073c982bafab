from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.path import canonical, opaque, split_target
from kapagate.chain.problem import Problem


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (b"/", "/"),
        (b"/chat", "/chat"),
        (b"/chat/", "/chat/"),
        (b"/crm/%61dmin", "/crm/admin"),
        (b"/%7Euser", "/~user"),
        (b"/a%2db", "/a-b"),
        (b"/caf%c3%a9", "/caf%C3%A9"),
        (b"/a%20b", "/a%20b"),
        (b"/100%25", "/100%25"),
        (b"/%252e%252e/x", "/%252e%252e/x"),
        (b"/...", "/..."),
        (b"/.well-known/x", "/.well-known/x"),
        (b"/a..b/c.", "/a..b/c."),
        (b"/a:b@c,d=e+f!$&'()*", "/a:b@c,d=e+f!$&'()*"),
        (b"/x%3By", "/x%3By"),
        (b"/x%3Fy", "/x%3Fy"),
    ],
)
def test_a_path_has_one_form(path: bytes, form: str) -> None:
    assert canonical(path) == form


ATTACKS = {
    "dot segment": [
        *(b"/..", b"/.", b"/../", b"/a/..", b"/a/../b", b"/a/./b", b"/a/.", b"/./", b"/../../etc/passwd"),
        *(b"/%2e%2e/a", b"/%2E%2E", b"/.%2e/a", b"/%2e./a", b"/a/%2e", b"/a/%2E%2e/b", b"/%2e%2E/%2E%2e"),
    ],
    "empty segment": [b"//", b"//a", b"/a//b", b"/a//", b"//example.com/a", b"///"],
    "encoded slash": [
        *(b"/a%2fb", b"/a%2Fb", b"/%2f", b"/..%2fa", b"/%2e%2e%2fa", b"/a%5cb", b"/a%5Cb", b"/..%5c..%5c"),
        *(b"/a%00", b"/%00", b"/a%00.json", b"/a%0d%0aX: y", b"/a%0aset", b"/a%09b", b"/a%1fb", b"/a%7f"),
    ],
    "percent-encoded": [
        *(b"/a\\b", b"/..\\..", b"/a;b", b"/;", b"/a;jsessionid=1", b"/..;/a", b"/a b", b"/\x00", b"/a\r\nb", b"/\x7f"),
        *(b"/caf\xc3\xa9", b"/\xff", b'/"', b"/<script>", b"/a|b", b"/a^b", b"/{a}", b"/[::1]", b"/a#b", b"/`"),
    ],
    "starts no escape": [b"/%", b"/a%", b"/a%2", b"/%zz", b"/%2x", b"/%%61", b"/%u0041", b"/100%", b"/% 61"],
    "not UTF-8": [
        b"/%c0%af",
        b"/%c0%ae%c0%ae/a",
        b"/%e0%80%af",
        b"/%ff",
        b"/%c3",
        b"/%ed%a0%80",
        b"/a%80b",
        b"/%f8%88",
    ],
}


@pytest.mark.parametrize(("says", "path"), [(says, path) for says, paths in ATTACKS.items() for path in paths])
def test_what_two_parsers_could_read_in_two_ways_is_refused(says: str, path: bytes) -> None:
    with pytest.raises(Problem) as caught:
        canonical(path)
    assert (caught.value.kind.name, caught.value.kind.status) == ("malformed-path", 400)
    if b" " not in path:
        assert says in caught.value.detail


def test_an_empty_segment_hints_at_the_base_url() -> None:
    with pytest.raises(Problem, match="malformed-path") as caught:
        canonical(b"//query/v1")
    assert "base URL" in caught.value.detail


anything = st.binary(max_size=12).map(lambda rest: b"/" + rest)
escapes = st.lists(
    st.one_of(
        st.sampled_from(
            [b"/", b".", b"..", b"%2e", b"%2F", b"a", b"%61", b"%C3%A9", b"%c3%a9", b"%25", b"%252e", b";"]
        ),
        st.integers(0, 255).map(lambda byte: b"%%%02x" % byte),
        st.integers(0, 255).map(lambda byte: bytes([byte])),
    ),
    max_size=8,
).map(lambda parts: b"/" + b"".join(parts))


@given(st.one_of(anything, escapes))
def test_the_canonical_form_is_canonical_safe_and_means_the_same(path: bytes) -> None:
    try:
        form = canonical(path)
    except Problem:
        return
    assert canonical(form.encode("ascii")) == form
    assert unquote_to_bytes(form) == unquote_to_bytes(path)
    meaning = unquote_to_bytes(form).decode()
    assert meaning.startswith("/")
    assert "//" not in meaning
    assert not {".", ".."} & set(meaning.split("/"))
    assert not set("\\") & set(meaning)
    assert all(character >= " " and character != "\x7f" for character in meaning)
    assert meaning.count("/") == form.count("/")


@given(st.one_of(anything, escapes), st.one_of(anything, escapes))
def test_paths_that_mean_the_same_have_the_same_form(one: bytes, other: bytes) -> None:
    try:
        forms = canonical(one), canonical(other)
    except Problem:
        return
    reserved = b"!$&'()*+,=:@%"
    if not any(byte in reserved for byte in unquote_to_bytes(one)):
        assert (forms[0] == forms[1]) == (unquote_to_bytes(one) == unquote_to_bytes(other))


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a", b"/a", ""),
        (b"/a?", b"/a", ""),
        (b"/a?b=c&d=%20", b"/a", "b=c&d=%20"),
        (b"/a?b?c/../d;e", b"/a", "b?c/../d;e"),
        (b"/?x", b"/", "x"),
    ],
)
def test_a_target_is_path_and_query(target: bytes, path: bytes, query: str) -> None:
    assert split_target(target) == (path, query)


@pytest.mark.parametrize(
    "target",
    [b"", b"*", b"a", b"?a", b"http://evil/x", b"example.com:443", b"/a?b c", b"/a?b\x00", b"/a?\xc3\xa9", b"/a?b#c"],
)
def test_a_target_in_another_form_is_refused(target: bytes) -> None:
    with pytest.raises(Problem, match="malformed-path"):
        split_target(target)


@pytest.mark.parametrize(
    "rest",
    [
        *(
            b"",
            b"x",
            b"x//y",
            b"/x",
            b"//",
            b"a%2Fb",
            b"a%2fb",
            b"a%5Cb",
            b"a\\b",
            b"a;v=1/b",
            b"%41%7e",
            b"%00",
            b"%zz%",
        ),
        *(
            b"%C0%AF",
            b"%FF",
            b'[x]|^`{}<>"',
            b".",
            b"./x",
            b"x/../y",
            b"x/..",
            b"x/%2E%2E/y",
            b"a/b/../../c",
            b".../..x",
        ),
        *(b"..x/x", b"x/..;v=1/y", b"%252e%252e/x"),
    ],
)
def test_an_opaque_path_is_not_changed_behind_its_prefix(rest: bytes) -> None:
    assert opaque(b"/files/v1/" + rest, "/files/v1/") == "/files/v1/" + rest.decode("ascii")


@pytest.mark.parametrize(
    "rest",
    [
        *(
            b"..",
            b"../x",
            b"./../x",
            b"x/../../y",
            b"%2e%2e/x",
            b".%2E/x",
            b"..;/x",
            b"..;v=1/x",
            b"..%3Bv/x",
            b"/../x",
        ),
        *(
            b"x//../../y",
            b"..\\x",
            b"..%5Cx",
            b"..%2fx",
            b"..%2F",
            b"x/..%2F..",
            b"x%2Fy/../..",
            b"x\\y/../..",
            b";x/..",
        ),
    ],
)
def test_an_opaque_path_stays_behind_its_prefix_for_every_reader(rest: bytes) -> None:
    with pytest.raises(Problem, match="malformed-path") as caught:
        opaque(b"/files/" + rest, "/files/")
    assert "leads out" in caught.value.detail


@pytest.mark.parametrize("rest", [b"\x7f", b"a b", b"\xc3\xa4", b"a#b", b"\x00"])
def test_an_opaque_path_has_only_bytes_that_a_request_line_may_have(rest: bytes) -> None:
    with pytest.raises(Problem, match="malformed-path"):
        opaque(b"/files/" + rest, "/files/")


@pytest.mark.parametrize(
    "raw", [b"/", b"/files", b"/filesx/", b"/x/files/", b"//files/x", b"/./files/x", b"/files%2Fx"]
)
def test_a_path_that_begins_otherwise_is_not_opaque(raw: bytes) -> None:
    assert opaque(raw, "/files/") is None


def test_the_prefix_of_an_opaque_path_may_be_spelt_in_any_way_and_gets_its_own() -> None:
    assert opaque(b"/%66iles/%41//x", "/files/") == "/files/%41//x"
    assert opaque(b"//x/", "/") == "//x/"


SLASHES = [rb"/", rb"[/\\]", rb"/|%2[Ff]", rb"/|%5[Cc]", rb"/|%2[Ff]|%5[Cc]", rb"[/\\]|%2[Ff]", rb"[/\\]|%2[Ff]|%5[Cc]"]


def readings(rest: bytes) -> Iterator[list[bytes]]:
    """What readers of all kinds take for the names of a path, `.` and `..` among them: they part it once or twice, drop
    parameters in between or at the end, and keep empty names or do not.
    """
    for first, then, drops, merges in product(SLASHES, SLASHES, ("never", "between", "last"), (False, True)):
        names = [re.sub(rb"%2[Ee]", b".", name) for name in re.split(first, rest)]
        names = [re.split(rb";|%3[Bb]", name)[0] for name in names] if drops == "between" else names
        names = [part for name in names for part in re.split(then, name)]
        names = [re.split(rb";|%3[Bb]", name)[0] for name in names] if drops == "last" else names
        yield [name for name in names if name] if merges else names


@given(st.lists(st.sampled_from([b"a", b"..", b".", b"%2e%2E", b"/", b"/", b"%2f", b"\\", b"%5C", b";"]), max_size=12))
def test_no_reader_finds_an_accepted_opaque_path_elsewhere(parts: list[bytes]) -> None:
    rest = b"".join(parts)
    try:
        opaque(b"/files/" + rest, "/files/")
    except Problem:
        return
    for names in readings(rest):
        depth = 0
        for name in names:
            depth += {b"..": -1, b".": 0}.get(name, 1)
            assert depth >= 0, (rest, names)
