from __future__ import annotations

from typing import get_args

from kapagate.answer.events import TextKind
from kapagate.kapa.texts import PASSAGE_KINDS, SOURCE_KINDS, UNTOUCHED


def test_every_kind_is_one_that_rules_can_name() -> None:
    assert {*SOURCE_KINDS.values(), *PASSAGE_KINDS.values()} <= set(get_args(TextKind))


def test_what_stays_untouched_has_no_kind() -> None:
    assert UNTOUCHED.isdisjoint({*SOURCE_KINDS, *PASSAGE_KINDS})
