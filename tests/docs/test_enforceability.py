from __future__ import annotations

from docs.enforceability import PAGE, written


def test_the_table_of_the_guards_is_what_the_code_says() -> None:
    assert PAGE.read_text() == written(PAGE.read_text()), "run `make reference`"
