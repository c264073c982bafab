"""Steps are read, declared and compiled once."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from kapagate.chain.filter import Filter
from kapagate.chain.hop import Hops
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.policy.finding import Diagnostics
from kapagate.policy.invalid import Known
from kapagate.policy.nodes import Mapping
from kapagate.policy.steps import StepCompiler, StepDeclaration, read_step
from kapagate.policy.table import Table

ReadNode = Callable[[str], Mapping]


def declared(node: Mapping, table: Table) -> StepDeclaration:
    problems = Diagnostics()
    step = read_step(node, table, problems)
    assert step is not None, [each.message for each in problems]
    return step


def test_a_steps_id_is_its_filters_name_unless_it_has_its_own(node: ReadNode, table: Table) -> None:
    assert declared(node("note: {}"), table).id == "note"
    assert declared(node("{note: {}, id: own}"), table).id == "own"


def test_options_are_found_in_the_filter_or_beside_it(node: ReadNode, table: Table) -> None:
    step = declared(node("note: {count: 3}\nmode: shadow\nwhen: {role: [x]}"), table)
    assert str(step.place(("count",))) == "test.yaml:1:15"
    assert str(step.place(("mode",))) == "test.yaml:2:7"
    assert str(step.place(("when", "role", 0))) == "test.yaml:3:15"
    assert str(step.place(("absent",))) == "test.yaml:1:1"
    assert str(step.place(())) == "test.yaml:1:1"


def test_an_option_of_a_scheme_is_found_below_the_schemes_name(node: ReadNode, table: Table) -> None:
    step = declared(node("identify:\n  schemes:\n    - token: {secret: x}\n"), table)
    assert str(step.place(("schemes", 0, "secret"))) == "test.yaml:3:23"
    assert str(step.place(("schemes", 0, "absent"))) == "test.yaml:3:7"


@pytest.fixture
def compiler(table: Table) -> StepCompiler:
    return StepCompiler(table, Services({Hops: object()}), Diagnostics(), Known())


def test_equal_declarations_are_compiled_once(node: ReadNode, table: Table, compiler: StepCompiler) -> None:
    one, other = (declared(node(f"note: {{count: 3, ratio: {ratio}}}"), table) for ratio in (1, 1))
    placed = compiler.placed(one)
    assert placed is not None
    assert compiler.placed(other) is placed


def test_steps_that_differ_in_their_own_options_are_compiled_apart(
    node: ReadNode, table: Table, compiler: StepCompiler
) -> None:
    texts = ["note: {count: 3}", "note: {count: 4}", "{note: {count: 3}, id: own}"]
    placed = [compiler.placed(declared(node(text), table)) for text in texts]
    assert len({id(each.step) for each in placed if each}) == 3


def test_steps_that_differ_in_common_options_share_what_was_compiled(
    node: ReadNode, table: Table, compiler: StepCompiler
) -> None:
    one = compiler.placed(declared(node("note: {}"), table))
    other = compiler.placed(declared(node("{note: {}, on_error: allow}"), table))
    assert one is not None
    assert other is not None
    assert one.step is other.step
    assert (one.options.on_error, other.options.on_error) == ("deny", "allow")


def test_a_shadow_has_state_of_its_own(node: ReadNode, table: Table, compiler: StepCompiler) -> None:
    one = compiler.placed(declared(node("note: {}"), table))
    other = compiler.placed(declared(node("{note: {}, mode: shadow}"), table))
    assert one is not None
    assert other is not None
    assert one.step is not other.step


def test_equal_chains_are_the_same(node: ReadNode, table: Table, compiler: StepCompiler) -> None:
    one, other = (declared(node("note: {}"), table) for _ in range(2))
    assert compiler.shared([], [one]) is compiler.shared([], [other])


class Far(Filter):
    """Asks another machine."""

    remote: ClassVar[bool] = True

    def compile(self, services: Services) -> Step:
        return Step()


@pytest.mark.parametrize(("text", "codes"), [("far: {}", ["KG332"]), ("{far: {}, on_error: allow}", [])])
def test_a_step_that_asks_another_machine_says_what_its_failure_means(
    node: ReadNode, text: str, codes: list[str]
) -> None:
    table, problems = Table(filters={"far": Far}), Diagnostics()
    compiler = StepCompiler(table, Services({}), problems, Known())
    compiler.placed(declared(node(text), table))
    assert [each.code.name for each in problems] == codes
