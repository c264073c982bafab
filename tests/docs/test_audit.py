from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from kapagate.chain import problems
from kapagate.chain.details import DETAILS
from kapagate.chain.edit import UNTOUCHED
from kapagate.chain.problem import Problem
from kapagate.demo.scenes import SCENES
from kapagate.demo.stage import Stage, stage
from kapagate.filters.audit import Audit
from kapagate.ledger.journal import START, Journal
from kapagate.ledger.outcome import Outcome
from kapagate.ledger.record import gap, intent_of, record_of
from kapagate.ledger.selection import EVERYTHING, Selection
from kapagate.ledger.transcript import LONGEST_TEXT, Transcript
from kapagate.machine.clock import SystemClock
from kapagate.stores.audit_file import AuditFile, Batch
from kapagate.stores.audit_search import search
from kapagate.stores.ring import MemoryLedger
from tests.docs.pages import ROOT, blocks, codes, rows
from tests.exchanges import ALICE, exchange
from tests.ledger.test_record import ASKED

PAGE = ROOT / "docs" / "audit.md"
TYPES = {"string": str, "integer": int, "number": int | float, "boolean": bool, "array": list, "object": dict}
MEMBERS = {codes(name)[0]: TYPES[kind] for name, kind, *_ in rows("audit.md", "member")}
OUTCOMES = {codes(row[0])[0] for row in rows("audit.md", "`outcome` | when")}


@pytest.fixture
async def played() -> AsyncIterator[Stage]:
    """A gateway with the example policy, after a run of traffic."""
    async with stage() as scenery:
        for play in SCENES:
            await play(scenery)
        await scenery.client.get(f"{scenery.gateway.admin_url}/api/admin/config")
        await scenery.gateway.ledger.flush()
        yield scenery


def faults(record: dict[str, Any]) -> list[str]:
    """What of a record is not as the page says."""
    found = [f"{name} has no row" for name in record.keys() - MEMBERS.keys() - {"id"}]
    for name, kind in MEMBERS.items():
        value = record.get(name)
        if name in record and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            found.append(f"{name} is {value!r}")
    missing = {"decision", "received_at", "outcome", "tenant"} - record.keys()
    outcome = record.get("outcome")
    return [*found, *(f"{name} is missing" for name in missing), *([] if outcome in OUTCOMES else [f"{outcome}?"])]


def rare(folder: Path) -> Iterator[dict[str, Any]]:
    """What a run of the demo does not leave."""
    transcript = Transcript(keeps=True)
    transcript.add("Hello")
    ex = exchange(ASKED, edit=UNTOUCHED.with_document({"query": "q"}))
    ex.report.delivered, ex.report.cut = 5, "answer"
    ex.put(DETAILS, {"satisfaction": 4})
    yield orjson.loads(record_of(ex, {"question", "answer"}, transcript))
    refused = Problem(problems.UNAVAILABLE, "no")
    yield orjson.loads(record_of(exchange(refusal=refused, status=503), amends=True))
    yield orjson.loads(gap("full", 0.0, missed=1))
    ledger = MemoryLedger()
    Journal(ledger, SystemClock(), lambda: "0" * 32).note(START, "sha256:0", "it broke", version="1")
    yield orjson.loads(ledger._reserved[0][1])
    file = AuditFile(folder / "audit.db")
    file.path.write_bytes(b"this is no database" * 100)
    file.write(Batch(0.0, intents=[intent_of(exchange(principal=ALICE, status=0))]))
    file._let_go()
    again = AuditFile(file.path)
    again.write(Batch(1.0))
    again.close()
    yield from search(file.path, EVERYTHING, 100).records


async def test_every_record_is_as_the_page_says_and_every_row_is_in_some_record(played: Stage, tmp_path: Path) -> None:
    records = [*await played.gateway.ledger.query(1000), *rare(tmp_path)]
    assert {fault for record in records for fault in faults(record)} == set()
    seen = {name for record in records for name in record} - {"id"}
    assert MEMBERS.keys() - seen <= {"key"}
    assert {record["outcome"] for record in records} >= OUTCOMES - {"gone"}


def test_the_rows_of_outcomes_are_those_of_the_code() -> None:
    assert {*get_args(Outcome), "gap", "done"} == OUTCOMES


def test_the_records_that_are_shown_are_records() -> None:
    verdicts, *shown = [json.loads(line) for line in _json_values()]
    assert "ask" in verdicts
    assert [faults(record) for record in shown] == [[]] * len(shown)
    assert {"answered", "refused", "gap"} <= {record["outcome"] for record in shown}


def _json_values() -> list[str]:
    first, second = blocks(PAGE, "json")
    return [first, *second.splitlines()]


@pytest.mark.parametrize("name", Audit.model_fields)
def test_every_option_is_explained(name: str) -> None:
    assert f"`{name}" in PAGE.read_text() or f"{name}:" in PAGE.read_text()


def test_every_durability_has_its_row() -> None:
    told = [codes(row[0])[0] for row in rows("audit.md", "`durability`")]
    assert told == list(get_args(Audit.model_fields["durability"].annotation))


def test_every_filter_is_named() -> None:
    text = PAGE.read_text()
    assert [name for name in Selection.__struct_fields__ if f"`{name}`" not in text] == []
    assert f"at most {LONGEST_TEXT} characters" in text
