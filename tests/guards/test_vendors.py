from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest

from kapagate.guards.api_key import API_KEY
from kapagate.guards.detector import Detector
from kapagate.guards.vendors import verified
from kapagate.identity import api_keys

Found = Callable[[Detector, str], list[str]]
GITHUB = "ghp" + "_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17"  # published with the format, and revoked
NPM = "npm" + "_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17"
_SERVICE = "glsa" + "_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY"
GRAFANA = _SERVICE + "_" + struct.pack("<I", zlib.crc32(_SERVICE.encode())).hex()
OWN = api_keys.create("live", lambda length: bytes(range(7, 7 + length))).text
RIGHT = (GITHUB, NPM, GRAFANA, OWN)


@pytest.mark.parametrize("key", RIGHT)
def test_a_right_check_is_verified(key: str) -> None:
    assert verified(f"x{key}y".encode(), 1) == len(key) + 1


@pytest.mark.parametrize("key", RIGHT)
def test_one_other_character_makes_the_check_wrong(key: str) -> None:
    for at in range(len(key) - 45, len(key)):
        other = key[:at] + ("a" if key[at] != "a" else "b") + key[at + 1 :]
        assert verified(other.encode(), 0) == 0


@pytest.mark.parametrize("key", RIGHT)
@pytest.mark.parametrize(("left", "right"), [("TOKEN_", ""), ("token", "and"), ("-", "-"), ("é", "0")])
def test_a_key_with_a_right_check_is_found_in_the_middle_of_a_word(
    found: Found, key: str, left: str, right: str
) -> None:
    assert found(API_KEY, left + key + right) == [key]


@pytest.mark.parametrize("key", RIGHT)
def test_a_key_with_a_wrong_check_is_found_by_its_shape_where_it_stands_alone(found: Found, key: str) -> None:
    wrong = key[:-12] + ("a" if key[-12] != "a" else "b") + key[-11:]
    assert found(API_KEY, f"key {wrong}.") == [wrong]
    assert found(API_KEY, f"TOKEN_{wrong}") == []


def test_the_detector_finds_several_in_a_row(found: Found) -> None:
    assert found(API_KEY, " ".join(RIGHT)) == list(RIGHT)
