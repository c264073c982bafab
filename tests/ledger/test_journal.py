from __future__ import annotations

from typing import Any

import orjson
import pytest

from kapagate.ledger.journal import START, STOP, Journal
from kapagate.ledger.selection import EVERYTHING, Selection
from tests.chain.conftest import FakeClock


class Rows:
    """The part of a ledger that is written to; `full`: it has no place."""

    def __init__(self, full: bool = False) -> None:
        self.full = full
        self.kept: list[dict[str, Any]] = []
        self.unreserved = 0

    def take(self) -> bool:
        return not self.full

    def fill(self, row: str, settles: str = "") -> None:
        self.kept.append(orjson.loads(row))

    def fill_unreserved(self, row: str, settles: str = "") -> bool:
        self.unreserved += 1
        return False


def journal(rows: Rows) -> Journal:
    return Journal(rows, FakeClock(), lambda: "a" * 32)  # type: ignore[arg-type]  # the part of a ledger that it needs


@pytest.mark.parametrize("operation", [START, STOP])
def test_changes_of_the_system_are_records_like_others(operation: str) -> None:
    rows = Rows()
    journal(rows).note(operation, "sha256:1", version="1.0")
    (record,) = rows.kept
    assert (record["operation"], record["outcome"], record["tenant"]) == (operation, "done", "none")
    assert (record["policy"], record["details"]) == ("sha256:1", {"version": "1.0"})
    assert record["decision"] == record["correlation_id"] == "a" * 32
    assert None not in record.values()
    assert EVERYTHING.matches(record)
    assert Selection(operation=operation).matches(record)


def test_a_change_that_failed_says_why() -> None:
    rows = Rows()
    journal(rows).note(START, "sha256:1", "line 3 is wrong")
    assert (rows.kept[0]["outcome"], rows.kept[0]["reason"]) == ("failed", "line 3 is wrong")


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "answered"), (400, "refused"), (403, "refused"), (500, "failed")]
)
def test_a_call_of_an_administrator_is_recorded_with_its_outcome(status: int, outcome: str) -> None:
    rows = Rows()
    journal(rows).called("admin.config", "GET", "/api/admin/config", "127.0.0.1", "k1", ("admin",), status, 0.0)
    (record,) = rows.kept
    assert (record["status"], record["outcome"], record["key"], record["roles"]) == (status, outcome, "k1", ["admin"])


def test_strangers_take_nobodys_place() -> None:
    rows = Rows()
    journal(rows).called("admin.config", "GET", "/api/admin/config", "127.0.0.1", "", (), 401, 0.0)
    assert (rows.kept, rows.unreserved) == ([], 1)


def test_where_there_is_no_place_it_is_counted_as_missed() -> None:
    rows = Rows(full=True)
    journal(rows).note(START, "sha256:1")
    assert (rows.kept, rows.unreserved) == ([], 1)
