from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kapagate.answer.events import Event, Identifiers, Other, Place, Sources, Text
from kapagate.answer.refusal import ContractBroken, Refused, RuleFailed
from kapagate.answer.rules import AnswerRules, Edit, Limit
from tests.answer.toys import ALL, Broken, Digits, Words, cut, held, pieces_of, said, streamed, texts, window_of

RULE_SETS = {
    "none": [],
    "one": [AnswerRules("digits", texts=(Digits(),))],
    "overlap": [AnswerRules("digits", texts=(Digits(),)), AnswerRules("words", texts=(Words(),))],
    "milder": [AnswerRules("digits", texts=(Digits(severity=3),)), AnswerRules("words", texts=(Words(),))],
    "equal": [
        AnswerRules("digits", texts=(Digits(severity=2),)),
        AnswerRules("words", texts=(Words(words=("01", "1a0")),)),
    ],
    "shadow": [AnswerRules("words", texts=(Words(),)), AnswerRules("digits", texts=(Digits(),), binding=False)],
    "limited": [
        AnswerRules("digits", texts=(Digits(),), limit=Limit(9, " [cut]")),
        AnswerRules("words", texts=(Words(),)),
    ],
    "only limited": [AnswerRules("limit", limit=Limit(20, "…"))],
    "lenient": [AnswerRules("digits", texts=(Digits(),)), AnswerRules("broken", texts=(Broken(),), lenient=True)],
}
each_rule_set = pytest.mark.parametrize("name", RULE_SETS)


@each_rule_set
@given(case=cut(texts(max_size=60)))
def test_delivers_the_same_text_however_it_was_cut(name: str, case: tuple[str, list[str]]) -> None:
    text, pieces = case
    rules = RULE_SETS[name]
    expected = held(rules, text)
    assert said(streamed(rules, map(Text, pieces))[0]) == expected
    assert said(streamed(rules, map(Text, text))[0]) == expected


@each_rule_set
def test_delivers_the_same_text_cut_at_every_point(name: str) -> None:
    text = "call 01a2345678901234567 ab b 0101a secret12345secret é1234 000"
    for at in range(len(text) + 1):
        for rules in (RULE_SETS[name],):
            assert said(streamed(rules, map(Text, pieces_of(text, [at])))[0]) == held(rules, text)


@given(case=cut(texts(max_size=60)))
def test_agrees_with_an_independent_reading_of_the_rule(case: tuple[str, list[str]]) -> None:
    text, pieces = case
    rules = [AnswerRules("digits", texts=(Digits(reach=100),))]
    assert said(streamed(rules, map(Text, pieces))[0]) == re.sub(r"\d{4,}", "<n>", text)


@given(case=cut(texts(max_size=80)))
@example(case=("0101010101010", ["0"] * 13))
def test_no_prefix_that_left_holds_what_is_forbidden(case: tuple[str, list[str]]) -> None:
    window, _ = window_of(RULE_SETS["overlap"])
    sent = ""
    for piece in case[1]:
        window.add(Text(piece))
        sent += said(window.release())
        assert not re.search(r"\d{4}|secret|01a", sent)
    assert not re.search(r"\d{4}|secret|01a", sent + said(window.release(final=True)))


def test_releases_what_is_decided_at_once() -> None:
    window, _ = window_of(RULE_SETS["one"])
    window.add(Text("order 12"))
    assert window.release() == [Text("order ")]
    window.add(Text("3 of"))
    assert window.release() == [Text("123 of")]


def test_gives_text_back_at_once_without_rules() -> None:
    window, _ = window_of([])
    window.add(Text("12"))
    assert window.release() == [Text("12")]


def test_the_severest_of_overlapping_edits_has_its_say_over_all_of_them() -> None:
    assert (
        said(
            streamed(
                RULE_SETS["overlap"],
                [
                    Text(
                        "x 99990",
                    ),
                    Text("1a y"),
                ],
            )[0]
        )
        == "x <w> y"
    )
    assert (
        said(
            streamed(
                RULE_SETS["milder"],
                [
                    Text(
                        "x 99990",
                    ),
                    Text("1a y"),
                ],
            )[0]
        )
        == "x <n> y"
    )


def test_a_record_waits_for_the_text_that_it_followed_and_stays_before_what_follows() -> None:
    window, _ = window_of(RULE_SETS["one"])
    for event in (Text("a 12"), Other(1), Text("3 b"), Other(2)):
        window.add(event)
    assert window.release() == [Text("a 12"), Other(1), Text("3 b"), Other(2)]
    window.add(Text("12"))
    window.add(Other(3))
    assert window.release() == []
    window.add(Text("34"))
    assert window.release() == []
    assert window.release(final=True) == [Text("<n>"), Other(3)]


@given(case=cut(texts(max_size=60)), name=st.sampled_from(sorted(RULE_SETS)), data=st.data())
def test_every_record_arrives_once_and_in_order(case: tuple[str, list[str]], name: str, data: st.DataObject) -> None:
    events: list[Event] = []
    for piece in case[1]:
        events += [Text(piece), *(Other(len(events)) for _ in range(data.draw(st.integers(0, 2))))]
    events.append(Identifiers({"thread_id": "t"}))
    out, _ = streamed(RULE_SETS[name], events)
    assert [e for e in out if not isinstance(e, Text)] == [e for e in events if not isinstance(e, Text)]
    assert said(out) == held(RULE_SETS[name], case[0])


def test_a_shadow_rule_holds_nothing_back_and_is_counted() -> None:
    rules = [
        AnswerRules("quiet", texts=(Digits(),), binding=False),
        AnswerRules("strict", texts=(Digits(refuse=True),), binding=False),
    ]
    window, report = window_of(rules)
    window.add(Text("12"))
    assert window.release() == [Text("12")]
    window.add(Text("345 "))
    assert said(window.release()) == "345 "
    assert report.steps["quiet"].would_edit == {"digits": 1}
    assert report.steps["strict"].would_refuse == {"digits": 1}
    assert not report.enforced("quiet")


@given(case=cut(texts(max_size=60)))
def test_a_refusing_edit_raises_before_a_character_of_it_leaves(case: tuple[str, list[str]]) -> None:
    text, pieces = case
    window, report = window_of(
        [AnswerRules("no", texts=(Digits(refuse=True),)), AnswerRules("w", texts=(Words(words=("ab",)),))]
    )
    found = re.search(r"\d{4}", text)
    sent = ""

    def run() -> str:
        nonlocal sent
        for piece in pieces:
            window.add(Text(piece))
            sent += said(window.release())
        return sent + said(window.release(final=True))

    if found is None:
        assert run() == held([AnswerRules("w", texts=(Words(words=("ab",)),))], text)
        return
    with pytest.raises(Refused) as refused:
        run()
    assert (refused.value.step, refused.value.kind) == ("no", "digits")
    assert text[: found.start()].replace("ab", "<w>").startswith(sent)
    assert report.steps["no"].edits == {"digits": 1}


def test_the_first_refusal_in_the_text_decides_whichever_rule_is_ahead() -> None:
    rules = [
        AnswerRules("slow", texts=(Words(words=("secret",), refuse=True),)),
        AnswerRules("fast", texts=(Digits(refuse=True),)),
    ]
    for pieces in (["secre", "t 12345 "], list("secret 12345 "), ["secret 12345 "], ["secret 1234", "5 abcdefgh"]):
        with pytest.raises(Refused) as refused:
            streamed(rules, map(Text, pieces))
        assert refused.value.step == "slow"


def test_a_rule_that_fails_ends_the_answer_with_its_name() -> None:
    with pytest.raises(RuleFailed) as failed:
        streamed([AnswerRules("broken", texts=(Broken(),))], map(Text, ["well", " then", "!"]))
    assert failed.value.step == "broken"
    assert isinstance(failed.value.cause, ZeroDivisionError)


def test_a_lenient_rule_that_fails_leaves_for_good_and_is_reported() -> None:
    out, report = streamed(RULE_SETS["lenient"], map(Text, ["a 12", "34 !", "56789 ", "1"]))
    assert said(out) == "a <n> !<n> 1"
    assert report.steps["broken"].skipped == "text rule failed: ZeroDivisionError"
    assert report.enforced("digits")
    assert not report.enforced("broken")


def test_a_shadow_rule_that_fails_never_ends_the_answer() -> None:
    out, report = streamed([AnswerRules("broken", texts=(Broken(),), binding=False)], [Text("a!"), Text("b")])
    assert said(out) == "a!b"
    assert report.steps["broken"].skipped


@pytest.mark.parametrize(
    "found",
    [
        ([Edit(0, 0, "x", "k")], 4),
        ([Edit(2, 7, "x", "k")], 4),
        ([], 9),
        ([], 1),
        ([Edit(-1, 2, "x", "k")], 4),
    ],
)
def test_a_rule_that_breaks_its_contract_has_failed(found: tuple[list[Edit], int]) -> None:
    class Wrong:
        reach, context, kinds = 2, 0, ALL

        def scan(self, text: str, start: int, final: bool) -> tuple[list[Edit], int]:
            return found

    window, _ = window_of([AnswerRules("wrong", texts=(Wrong(),))])
    window.add(Text("abcdef"))
    with pytest.raises(RuleFailed) as failed:
        window.release()
    assert isinstance(failed.value.cause, ContractBroken)


def test_a_rule_only_reads_the_kinds_that_it_names() -> None:
    titles = [AnswerRules("titles", texts=(Digits(kinds=frozenset({"title"})),))]
    sources = Sources([{"title": "12345"}], (Place((0, "title"), "title"),))
    out, _ = streamed(titles, [Text("12345"), sources])
    assert out == [Text("12345"), sources.with_value([{"title": "<n>"}])]


@pytest.mark.parametrize("text", ["word and 12 ", "5", "01a", "é😀 "])
def test_keeps_little_of_a_long_answer(text: str) -> None:
    window, report = window_of([*RULE_SETS["overlap"], AnswerRules("s", texts=(Digits(reach=40),), binding=False)])
    most = 0
    for _ in range(4_000):
        window.add(Text(text))
        window.release()
        most = max(most, window.kept)
    assert most <= 64
    assert report.released > report.seen - 64


def test_forgets_the_text_below_edits_that_overlap_without_end() -> None:
    window, _ = window_of([AnswerRules("d", texts=(Digits(),)), AnswerRules("w", texts=(Words(words=("0000000",)),))])
    most = 0
    for _ in range(3_000):
        window.add(Text("0"))
        window.release()
        most = max(most, window.kept)
    assert most <= 64
    assert said(window.release(final=True)) == "<w>"


def test_hands_a_rule_the_context_that_it_asks_for() -> None:
    class Looking(Words):
        def scan(self, text: str, start: int, final: bool) -> tuple[list[Edit], int]:
            before.append(text[:start])
            edits, sure = super().scan(text, start, final)
            return list(edits), sure

    before: list[str] = []
    streamed([AnswerRules("l", texts=(Looking(context=3),))], map(Text, "abcdefghijklmnop"))
    assert all(len(each) >= min(3, at) for at, each in enumerate(before[6:]))
    assert max(map(len, before)) <= 4


def test_what_stands_behind_the_cut_is_neither_scanned_nor_refused() -> None:
    rules = [
        AnswerRules("limit", limit=Limit(10, " …")),
        AnswerRules("no", texts=(Words(words=("secret",), refuse=True),)),
    ]
    for pieces in (["one two three four secret"], list("one two three four secret")):
        out, report = streamed(rules, [*map(Text, pieces), Identifiers({})])
        assert out[-1] == Identifiers({})
        assert said(out) == "one two …"
        assert report.cut == "limit"


@given(case=cut(texts(max_size=60)), name=st.sampled_from(["one", "overlap", "milder", "shadow"]))
def test_reports_the_same_findings_however_it_was_cut(case: tuple[str, list[str]], name: str) -> None:
    whole = streamed(RULE_SETS[name], [Text(case[0])])[1]
    pieces = streamed(RULE_SETS[name], map(Text, case[1]))[1]
    assert whole.steps == pieces.steps
    assert (whole.seen, whole.released) == (pieces.seen, pieces.released) == (len(case[0]), len(case[0]))


@given(case=cut(texts(max_size=60)))
def test_who_only_looks_on_is_counted_on_what_stands_behind_a_cut_too(case: tuple[str, list[str]]) -> None:
    rules = [
        AnswerRules("limit", texts=(Words(),), limit=Limit(9, "…")),
        AnswerRules("shadow", texts=(Digits(),), binding=False),
    ]
    out, whole = streamed(rules, [Text(case[0])])
    for pieces in (case[1], list(case[0])):
        again, told = streamed(rules, map(Text, pieces))
        assert said(again) == said(out)
        assert told.steps["shadow"] == whole.steps["shadow"]


class Chunky(Digits):
    """Removes runs of digits piece by piece, as they come."""

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        edits = []
        for at in range(start, len(text)):
            if text[at].isdigit():
                goes_on = at > 0 and text[at - 1].isdigit()
                edits.append(Edit(at, at + 1, "", "run", at_bound=not goes_on, goes_on=goes_on))
        return edits, len(text)


@pytest.mark.parametrize("binding", [True, False])
@given(case=cut(texts(max_size=60)))
def test_what_goes_on_is_counted_once_and_what_reached_its_bound_apart(
    binding: bool, case: tuple[str, list[str]]
) -> None:
    rules = [AnswerRules("run", texts=(Chunky(),), binding=binding)]
    runs = len(re.findall(r"\d+", case[0]))
    for pieces in ([case[0]], case[1], list(case[0])):
        share = streamed(rules, map(Text, pieces))[1].steps["run"]
        assert (share.edits or share.would_edit) == ({"run": runs} if runs else {})
        assert share.at_bound == ({"run": runs} if runs else None)


def test_rules_that_are_let_go_hold_nothing_back_and_what_they_found_holds() -> None:
    rules = [AnswerRules("d", texts=(Digits(),)), AnswerRules("w", texts=(Words(),))]
    window, report = window_of(rules)
    window.add(Text("12345 secret 123"))
    out = window.release()
    window.let_go({"d"})
    window.add(Text("45 "))
    window.add(Other("12345"))
    out += window.release(final=True)
    assert said(out) == "<n> <w> 12345 "
    assert out[-1] == Other("12345")
    assert report.steps["d"].checked is not None
    assert report.steps["d"].checked < len("12345 secret 12345 ") == report.steps["w"].checked
