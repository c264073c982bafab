from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapagate.answer.events import TextKind
from kapagate.answer.rules import AnswerRules, Edit, TextRule
from kapagate.guards.detector import Detector
from kapagate.guards.personal import ALL, DETECTORS, PersonalData
from tests.answer import toys
from tests.guards.pieces import delivered, place, streamed, whole

EVERYTHING = PersonalData()
ONE_EACH = {name: PersonalData((name,)) for name in DETECTORS}

PEM = "-----BEGIN " + "RSA PRIVATE KEY-----\n" + "\n".join("MIIEpAIBAAKCAQEA" * 4 for _ in range(4))
VALUES = [
    "jane.doe+x@mail.example.co.uk",
    "jürgen@müller.de",
    "+49 (0)30 1234567",
    "+1 415-555-2671",
    "0049 30 1234567",
    "(415) 555-2671",
    "(0 30) 12 34 56 78",
    "(+34) 612 345 678",
    "030 / 1234567",
    "(11) 9 2834-2422",
    "https://" + "hooks.slack.com/services/T0AB12CD3/B0AB12CD3/" + "aB3d" * 6,
    "1234567890:AA" + "aB3_" * 8 + "x",
    "glsa" + "_" + "aB3d" * 8 + "_0a1b2c3d",
    "1-415-555-2671",
    "030/1234567",
    "01 23 45 67 89",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "378282246310005",
    "3782 822463 10005",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "192.168.10.254",
    "2001:db8:0:1::8a2e:370",
    "::ffff:192.0.2.1",
    "123-45-6789",
    "sk-" + "proj-" + "aB3_" * 9,
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp" + "_" + "a1B2" * 9,
    "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0In0" + ".sflKxw-RJ_SM",
    "jane [at] mail dot example dot com",
    "j.doe(at)example.com",
    "+1 415-555-2671 ext. 22",
    "415-555-2671x123",
    "912-70-1234",
    "00:1A:2B:3C:4D:5E",
    "kg_" + "live_ab12_" + "x9Y" * 10,
    PEM + "\nQIDAQAB\n-----END " + "RSA PRIVATE KEY-----",
    PEM,
    PEM.replace("\n", "\\n"),
    PEM.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,3F17F5316E2BAC89\n\n"),
]
IN_CONTEXT = [
    "host 1.2.3.4",
    "4.3.2.1:8080",
    "4.3.2.1/24",
    "4155552671 (mobile)",
    "4155552671 is my phone number",
    "Tel.-Nr. 0221 / 12 34 56",
    "dzwonić pod 585384868",
    "my name is " + "Anna von der Leyen",
    "Mr. J. Smith",
    "date of birth: 12 March 1985",
    "geboren am 12.03.1985",
    "call me at 4155552671 ext 9",
    "password: " + "hunter2!",
    "api_key = '" + "A8s7df6gA8s7df6gXX" + "'",
    "postgres://admin:" + "s3cr3tpw" + "@db.internal/x",
]
NEIGHBOURS = [
    " ", "", "", "", "-", ".", ",", ":", "/", "+", "(", ")", "_", "@", "\n", "  ", "\\n", "=", "0", "7", "42 ", " 1-",
    "x", "v", "é", "中", "—", "\u202f", "\u2011", "٣", "\ud800", "-----", "----", "BEGIN", "eyJ", "sk-", "00", "+4",
    "version ", " the next word ", " or later", "/24", " (mobile)", " is my phone", "section ",
    "2024-01-15 10:30", "00:1A:2B", "127.0.0.1", "0.5", "::", "ffff:",
]  # fmt: skip
CLEAN = "The quick brown fox of 2024 jumps over 12 lazy dogs - twice, (v1.2) at 10:30. "


broken = st.sampled_from(VALUES).flatmap(
    lambda value: st.tuples(st.integers(0, len(value)), st.integers(0, len(value))).map(
        lambda cut: value[min(cut) : max(cut)]
    )
)
texts = st.lists(
    st.one_of(
        st.sampled_from(VALUES),
        st.sampled_from(VALUES + IN_CONTEXT),
        st.sampled_from(NEIGHBOURS),
        st.sampled_from(NEIGHBOURS),
        st.sampled_from(NEIGHBOURS),
        broken,
        st.text(st.sampled_from("0123456789 -./+():@abcdefDEx_"), max_size=12),
    ),
    max_size=14,
).map("".join)


@given(texts, st.lists(st.integers(0, 400), max_size=12))
@settings(max_examples=400)
def test_edits_do_not_depend_on_how_the_text_was_cut(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(places)]
    assert streamed(EVERYTHING, pieces) == whole(EVERYTHING, text)


@given(texts)
@settings(max_examples=200)
def test_edits_are_those_of_the_whole_text_when_it_comes_character_by_character(text: str) -> None:
    assert streamed(EVERYTHING, text) == whole(EVERYTHING, text)


@pytest.mark.parametrize("name", DETECTORS)
@given(text=texts)
@settings(max_examples=60)
def test_each_detector_alone_is_right_character_by_character(name: str, text: str) -> None:
    assert streamed(ONE_EACH[name], text) == whole(ONE_EACH[name], text)


@pytest.mark.parametrize("value", VALUES + IN_CONTEXT)
def test_every_cut_in_two_gives_the_same_edits(value: str) -> None:
    text = f"{CLEAN}{value} and {value}\n{CLEAN}"
    expected = whole(EVERYTHING, text)
    assert expected
    for cut in range(len(text)):
        assert streamed(EVERYTHING, (text[:cut], text[cut:])) == expected


@given(texts)
def test_what_several_detectors_find_is_what_each_finds_alone(text: str) -> None:
    alone = {edit for rule in ONE_EACH.values() for edit in whole(rule, text)}
    assert sorted(alone, key=place) == whole(EVERYTHING, text)


@given(st.lists(texts, max_size=4))
@settings(max_examples=300)
def test_texts_that_are_clean_together_are_clean_alone(many: list[str]) -> None:
    for rule in (EVERYTHING, *ONE_EACH.values()):
        assert not (rule.clean(many) and any(whole(rule, text) for text in many))


@pytest.mark.parametrize("value", VALUES + IN_CONTEXT)
def test_no_neighbour_hides_a_value_from_one_look_at_many_texts(value: str) -> None:
    for left, right in itertools.product(("", "x", "7", "-", "é"), repeat=2):
        assert not EVERYTHING.clean([left, value, right])


def test_clean_texts_are_clean() -> None:
    assert EVERYTHING.clean([])
    assert EVERYTHING.clean(["The quick brown fox of 2024 jumps", "", "over 12 lazy dogs - twice, (v1.2)"])


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 9_000,
        "1" * 9_000,
        "4111 " * 3_000,
        "eyJ" + "a" * 20_000,
        "sk-" + "proj-" + "a1" * 9_000,
        "a" * 9_000,
        "-" * 9_000,
        "a.eyJ" * 3_000,
        "::" * 4_000,
        "a@" * 4_000,
        "+1" * 4_000,
        "(" * 4_000,
        PEM + "\n" + "A" * 20_000,
    ],
)
def test_holds_back_no_more_than_its_reach(text: str) -> None:
    pieces = [text[at : at + 997] for at in range(0, len(text), 997)]
    assert streamed(EVERYTHING, pieces) == whole(EVERYTHING, text)


def test_clean_prose_lags_by_its_last_word_and_what_looks_like_a_number() -> None:
    for end in range(1, len(CLEAN)):
        _, sure = EVERYTHING.scan(CLEAN[:end], 0, False)
        held = CLEAN[sure:end]
        assert len(held) <= 16
        assert not any(word.isalpha() for word in held.split()[:-1])


def test_text_in_a_script_without_blanks_does_not_lag() -> None:
    text = "快速的棕色狐狸跳过懒狗。"
    assert EVERYTHING.scan(text, 0, False) == ((), len(text))


@pytest.mark.parametrize("value", VALUES)
def test_no_part_of_a_value_remains(value: str) -> None:
    for left, right in itertools.product(("", "see: ", "\n"), ("", ".\n", "\n", ", ")):
        assert delivered(EVERYTHING, left + value + right).strip(".\n, ") in {
            (left + detector.placeholder).strip() for detector in DETECTORS.values()
        }


@pytest.mark.parametrize(
    "text",
    [
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "12345678-1234-1234-1234-123456789012",
        "thread 00000000-0000-4000-8000-000000000001",
        "d41d8cd98f00b204e9800998ecf8427e",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "https://docs.example.com/v2.10/2024/01/15/page-1234567890123456?id=42&t=1700000000000#L10-L20",
        "https://example.com/products/4111111111111111/reviews",
        "https://example.com/@jane.doe/post-415-555-2671",
        "pip install kapagate==1.2.3.4; node v18.2.1; semver 1.2.3-rc.4+build.5",
        "version 1.2.3.4, Chrome/120.0.0.0, firmware: 10.0.0.1",
        "2024-01-15T10:30:00Z, 15.01.2024 10:30:45, 01-02-2024 10:30, 2024/01/15 10:30:45.123456",
        "Order 4006381333, no. 123456789, invoice 2024-000123, ticket #98765432",
        "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2, ISSN 2049-3630",
        "40.712776, -74.005974; +40.712776 -74.005974",
        "1,299.00 EUR, $1,234,567.89, 12 345 678 km, 3.14159265358979",
        "200 300 4000; 1 2 3 4 5 6 7 8 9 10 11 12 13; 1+1234567890 = 1234567891",
        "1700000000000 ms since 1970, 1234567890 s",
        "std::vector<int> a; Foo::Bar; ::1; 127.0.0.1; 0.0.0.0; 255.255.255.0",
        "00:00:00:00:00:00; 10:30:45; at 12:00: lunch",
        "for (int i = 0; i < 100; i++) { x[i] = 0xDEADBEEF; }",
        "sk-fading-circle-container-element, task-force-multiplication",
        "AKIA, ghp_, eyJ, sk-, kg_live, -----BEGIN CERTIFICATE-----",
        "a header reads -----BEGIN " + "PRIVATE KEY----- and then base64 follows",
        "----------\n| a | b |\n|---|---|",
    ],
)
def test_leaves_what_only_looks_alike(text: str) -> None:
    assert delivered(EVERYTHING, text) == text


def test_redacts_with_the_placeholder_and_names_the_detector() -> None:
    edits, _ = EVERYTHING.scan("jane@example.com", 0, True)
    assert list(edits) == [Edit(0, 16, "<email>", "email")]


def test_refuses_when_it_is_told_to() -> None:
    edits, _ = PersonalData(actions="refuse").scan("jane@example.com", 0, True)
    assert [edit.refuse for edit in edits] == [True]


def test_looks_only_for_what_it_is_told_to() -> None:
    assert delivered(PersonalData({"card"}), "a@b.org 4111 1111 1111 1111") == "a@b.org <card>"


def test_finds_nothing_and_holds_nothing_when_it_is_told_nothing() -> None:
    assert PersonalData(()).scan("a@b.org 12", 0, False) == ((), 10)


def test_refuses_detectors_that_do_not_exist() -> None:
    with pytest.raises(KeyError):
        PersonalData({"e-mail"})


def test_reads_the_kinds_of_text_that_it_is_told_to() -> None:
    kinds: frozenset[TextKind] = frozenset({"answer"})
    assert PersonalData(kinds=kinds).kinds == kinds


def test_detectors_stand_under_their_names_and_have_placeholders_of_their_own() -> None:
    assert {detector.name for detector in DETECTORS.values()} == set(DETECTORS) == ALL
    assert {detector.placeholder for detector in DETECTORS.values()} == {
        f"<{each.kind}>" for each in DETECTORS.values()
    }


def test_no_placeholder_is_a_finding() -> None:
    text = " ".join(detector.placeholder for detector in DETECTORS.values())
    assert delivered(EVERYTHING, text) == text


class Counting:
    """What a check costs, in characters that it was asked about."""

    def __init__(self, detector: Detector) -> None:
        self.calls = 0
        self._check = detector.check

    def __call__(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        self.calls += 1
        return self._check(data, start, end)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("seed", range(12))
def test_checks_grow_with_the_text_and_no_faster(name: str, seed: int) -> None:
    """Each check reads at most `longest` characters, so their number bounds the work."""
    dice = random.Random(seed)
    unit = "".join(dice.choice([*"0123456789 -./+():@aE", *VALUES, "sk-", "eyJ", "-----BEGIN "]) for _ in range(12))

    def checks(text: str) -> int:
        detector = DETECTORS[name]
        counting = Counting(detector)
        counted = Detector(
            **{key: getattr(detector, key) for key in ("name", "placeholder", "pattern", "unfinished")},
            **{key: getattr(detector, key) for key in ("longest", "before", "severity")},
            check=counting,
        )
        data = text.encode("latin-1", "replace")
        assert len(list(counted.find(data, 0, len(data)))) <= counting.calls
        return counting.calls

    assert checks(unit * 400) <= 4 * checks(unit * 100) + 8
    assert checks(unit * 400) <= len(unit * 400)


def through_the_window(rule: TextRule, pieces: Iterable[str]) -> str:
    return toys.delivered([AnswerRules("guard", texts=(rule,))], pieces)


@given(texts, st.lists(st.integers(0, 400), max_size=12))
def test_the_window_delivers_the_same_text_however_it_was_cut(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    expected = through_the_window(EVERYTHING, [text])
    assert through_the_window(EVERYTHING, (text[a:b] for a, b in itertools.pairwise(places))) == expected
    assert through_the_window(EVERYTHING, text) == expected
