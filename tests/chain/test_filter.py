from __future__ import annotations

import pytest
from pydantic import ValidationError

from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.services import Services
from kapagate.chain.step import Step


class Toy(Filter):
    """A filter that only allows so much."""

    at_most: int = 1

    def compile(self, services: Services) -> Step:
        if self.at_most > 9:
            raise Invalid("too much", ("at_most",))
        return Step()


def test_a_declaration_is_strict_and_frozen() -> None:
    with pytest.raises(ValidationError):
        Toy.model_validate({"at_mots": 1})
    with pytest.raises(ValidationError):
        Toy().at_most = 2


def test_errors_quote_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Toy.model_validate({"at_most": "clear text"})
    assert "clear text" not in str(caught.value)


def test_a_declaration_that_cannot_work_names_the_field_at_fault() -> None:
    with pytest.raises(Invalid, match="too much") as caught:
        Toy(at_most=10).compile(Services({}))
    assert caught.value.at == ("at_most",)
    assert Invalid("x").at == ()


def test_equal_declarations_are_equal_so_that_they_can_be_shared() -> None:
    assert Toy(at_most=2) == Toy(at_most=2)
    assert hash(Toy(at_most=2)) == hash(Toy(at_most=2))


def test_a_filter_takes_every_mode_unless_it_says_otherwise() -> None:
    assert Toy.modes == {"enforce", "shadow", "off"}
    assert Toy.failures == {"deny", "allow"}
    assert "modes" not in Toy.model_fields


def test_a_filter_can_be_locked_unless_its_options_say_otherwise() -> None:
    assert Toy().lockable


def test_a_filter_without_compile_is_none() -> None:
    class Half(Filter):
        pass

    with pytest.raises(TypeError):
        Half()


def test_a_step_passes_what_it_does_not_say_more_about() -> None:
    assert Toy().decisions == {"passed"}
