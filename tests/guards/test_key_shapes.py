from __future__ import annotations

import re

import pytest

from kapagate.guards.key_shapes import NESTING, SHAPES
from kapagate.guards.regex import regex


@pytest.mark.parametrize(("prefix", "rest"), SHAPES)
def test_prefixes_are_of_re2_and_what_follows_them_of_re(prefix: bytes, rest: bytes) -> None:
    regex(prefix)
    re.compile(rest)


def test_no_shape_stands_twice() -> None:
    assert len(set(SHAPES)) == len(SHAPES)


def test_what_may_hold_another_key_is_bounded() -> None:
    assert any(rest.endswith(NESTING) for _, rest in SHAPES)
    assert not any(b"/=]" in rest and rest.endswith(b",}") for _, rest in SHAPES)
