from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.identity.api_keys import Key, create, digest, matches, parse

KEY = create("live", random.Random(1).randbytes)


def test_a_key_has_environment_id_and_secret_with_checksum() -> None:
    assert re.fullmatch(r"kg_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", KEY.text)
    assert KEY.text.split("_")[2] == KEY.id


@given(st.binary(min_size=48, max_size=48), st.from_regex(r"[a-z]{2,8}", fullmatch=True))
def test_every_key_made_is_read_back(chance: bytes, env: str) -> None:
    pieces = iter((chance[:16], chance[16:]))
    key = create(env, lambda length: next(pieces))
    assert parse(key.text) == key


def test_extreme_chance_still_makes_whole_keys() -> None:
    assert parse(create("test", lambda length: b"\xff" * length).text) is not None
    assert parse(create("test", lambda length: bytes(length)).text) is not None


@pytest.mark.parametrize("env", ["", "a", "Live", "live1", "environment", "li-ve", "live\n"])
def test_an_environment_is_two_to_eight_lower_case_letters(env: str) -> None:
    with pytest.raises(ValueError, match="two to eight"):
        create(env, random.Random(1).randbytes)


@pytest.mark.parametrize("position", range(len(KEY.text)))
def test_a_key_with_one_wrong_character_is_refused_without_a_look_up(position: int) -> None:
    other = "x" if KEY.text[position] != "x" else "y"
    assert parse(KEY.text[:position] + other + KEY.text[position + 1 :]) is None


def test_swapped_neighbours_are_noticed() -> None:
    for first, second in itertools.pairwise(range(8, len(KEY.text))):
        text = list(KEY.text)
        if text[first] != text[second]:
            text[first], text[second] = text[second], text[first]
            assert parse("".join(text)) is None


@pytest.mark.parametrize("text", ["", "kg_", "sk-abc", KEY.text + "a", KEY.text[:-1], " " + KEY.text, KEY.text + "\n"])
def test_what_has_not_the_form_is_no_key(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = parse(text)
    assert found is None or found.text == text


def test_the_digest_depends_on_pepper_and_key() -> None:
    other = create("live", random.Random(2).randbytes)
    digests = {digest(b"p" * 32, KEY), digest(b"q" * 32, KEY), digest(b"p" * 32, other)}
    assert len(digests) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in digests)


def test_only_the_own_digest_matches() -> None:
    assert matches(b"p" * 32, KEY, digest(b"p" * 32, KEY))
    assert not matches(b"p" * 32, KEY, digest(b"q" * 32, KEY))
    assert not matches(b"p" * 32, KEY, "")


def test_the_format_and_the_digest_stay_what_they_are() -> None:
    fixed = create("live", lambda length: bytes(range(length)))
    assert parse(fixed.text) == Key("live", fixed.id, fixed.text)
    assert digest(b"pepper", fixed) == "a63d8b0864d6dfeff736e8a314ec7c370de17bfd783939bbe98c430663a23dfd"


def test_no_repr_shows_the_secret() -> None:
    assert KEY.text not in repr(KEY)


def test_a_key_can_be_made_for_an_id_that_is_there_already() -> None:
    key = create("live", bytes, "0123456789ab")
    assert key.id == "0123456789ab"
    assert parse(key.text) == key
