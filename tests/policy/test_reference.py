from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from pydantic import Field

from kapagate.chain.compose import Placed
from kapagate.chain.fact import Fact
from kapagate.chain.filter import Filter
from kapagate.chain.options import Options
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import OPERATIONS
from kapagate.policy.reference import example, reference
from kapagate.policy.table import Table

COLOUR: Fact[str] = Fact("colour")
POLICY = """\
gate:
  - paint: {colour: red}
    id: first
chain:
  - look: {}
  - schemes:
      - badge:
          from: |
            a pocket

          more: 1
upstreams:
  shop:
    type: store
    url: "http://127.0.0.1:1"
  other: {}
"""


class Paint(Filter):
    """Gives a colour."""

    modes = frozenset({"enforce"})
    colour: str = Field(description="one that `a|b` <names>")

    def compile(self, services: Services) -> Step:
        return Step(writes=frozenset({COLOUR}))


class Look(Filter):
    """Looks at it."""

    def compile(self, services: Services) -> Step:
        return Step(reads=frozenset({COLOUR}), needs={"question": "looks"})


def placed(name: str, declaration: Filter, step_id: str = "") -> Placed:
    return Placed(step_id or name, name, declaration.compile(Services({})), Options(), declaration)


STEPS = [placed("paint", Paint(colour="red"), "first"), placed("look", Look())]


@pytest.fixture
def written() -> str:
    return reference(Table({"paint": Paint, "look": Look}, {}, {}), STEPS, POLICY)


def section(text: str, heading: str) -> str:
    return text.partition(f"{heading}\n")[2].partition("\n#")[0]


def test_gives_a_filter_its_docstring_fields_and_example(written: str) -> None:
    told = section(written, "### paint")
    assert "Gives a colour." in told
    assert "| `colour` | text | required | One that `a\\|b` &lt;names>. |" in told
    assert "```yaml\n- paint: {colour: red}\n  id: first\n```" in told


def test_says_that_a_filter_has_no_fields(written: str) -> None:
    assert "It has no fields of its own: `{}`." in section(written, "### look")


def test_says_which_step_a_filter_needs_before_it(written: str) -> None:
    assert "- Needs an earlier `paint`.\n" in section(written, "### look")
    assert "Needs" not in section(written, "### paint")


def test_names_the_steps_that_can_do_without() -> None:
    free = Placed("free", "look", Step(), Options(), Look())
    written = reference(Table({"paint": Paint, "look": Look}, {}, {}), [*STEPS, free], POLICY)
    assert "- Needs an earlier `paint` (in the example policy `free` does not)." in section(written, "### look")


def test_says_what_a_guard_works_on(written: str) -> None:
    assert "- Works on: question (for `looks`)." in section(written, "### look")


def test_says_which_modes_a_filter_allows(written: str) -> None:
    assert "- `mode`: `enforce`. `on_error`: `deny`, `allow`." in section(written, "### paint")
    assert "- `mode`: `enforce`, `shadow`, `off`." in section(written, "### look")


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda each: each.name)
def test_lists_every_operation_with_its_address_and_permission(written: str, operation: Operation) -> None:
    for said in (operation.name, f"{operation.method} {operation.template}", operation.permission):
        assert f"| `{said}` |" in section(written, "## Kapa's operations")


@pytest.mark.parametrize("word", ["config", "GET /api/system/health", "admin.health.read"])
def test_lists_the_endpoints(written: str, word: str) -> None:
    assert f"`{word}`" in section(written, "## Endpoints")


def test_lists_fields_of_documents_at_every_depth(written: str) -> None:
    told = section(written, "## kind: Gateway")
    assert "| `listen.deadlines.head` | duration, more than 0s | `10s` |" in told
    assert "| `upstreams.<name>.api_key` | secret |" in section(written, "## kind: Tenant")


def test_every_row_has_as_many_cells_as_its_header(written: str) -> None:
    tables: Sequence[str] = re.findall(r"(?:^\|.*\n)+", written, re.MULTILINE)
    assert len(tables) > 6
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_an_example_is_the_block_below_the_first_use() -> None:
    assert example(POLICY, "look") == "```yaml\n- look: {}\n```"
    assert example(POLICY, "badge") == "```yaml\n- badge:\n    from: |\n      a pocket\n```"


def test_the_example_of_an_upstream_type_is_its_upstream() -> None:
    assert example(POLICY, "store") == '```yaml\nshop:\n  type: store\n  url: "http://127.0.0.1:1"\n```'


def test_a_declaration_without_an_example_is_an_error() -> None:
    with pytest.raises(LookupError, match="no policy shows quiet"):
        example(POLICY, "quiet")
