from __future__ import annotations

from pathlib import Path

import pytest

from tests.policytest.trials import failures


async def test_an_answer_is_an_object_or_records_as_it_was_asked_for(tmp_path: Path) -> None:
    cases = """\
- name: both
  caller: ann
  body: {query: Hello?}
  upstream: {answer: Two words., sources: [The guide], uncertain: true}
  calls:
    - {route: kapa.chat, expect: {text: {equals: Two words.}, body: {is_uncertain: true}}}
    - {route: kapa.chat_stream, expect: {text: {equals: Two words.}}}
"""
    assert await failures(tmp_path, cases) == []


@pytest.mark.parametrize("cut", ["whole", "records", "bytes", "[1, 7, 100]"])
async def test_bytes_come_as_the_script_cuts_them(cut: str, tmp_path: Path) -> None:
    cases = f"""\
- name: cut
  caller: ann
  route: kapa.chat_stream
  body: {{query: Hello?}}
  upstream: {{answer: Write to ada@nimbus.example., cut: {cut}}}
  expect: {{text: {{equals: Write to <email>.}}, decisions: {{answer: changed}}}}
"""
    assert await failures(tmp_path, cases) == []


async def test_records_can_be_written_out(tmp_path: Path) -> None:
    cases = """\
- name: written out
  caller: ann
  route: kapa.chat_stream
  body: {query: Hello?}
  upstream:
    records:
      - {type: partial_answer, content: {text: Hello}}
      - {type: partial_answer, content: {text: " you"}}
      - {type: identifiers, content: {thread_id: 11111111-1111-4111-8111-111111111111}}
  expect: {text: {equals: Hello you}}
"""
    assert await failures(tmp_path, cases) == []


async def test_latency_moves_the_clock_and_counts_against_the_upstreams_patience(tmp_path: Path) -> None:
    cases = """\
- name: slow
  caller: ann
  route: crm
  calls:
    - {upstream: {body: x, latency: 4s}, expect: {status: 200, audit: {duration_ms: 4000.0}}}
    - {upstream: {body: x, latency: 6s}, expect: {status: 504, problem: upstream-timeout, audit: {duration_ms: 5000.0}}}
"""
    assert await failures(tmp_path, cases) == []


async def test_faults_are_those_of_the_wire(tmp_path: Path) -> None:
    cases = """\
- name: faults
  caller: ann
  route: crm
  calls:
    - {upstream: {fault: unreachable}, expect: {status: 502, problem: upstream-unreachable, outcome: failed}}
    - {upstream: {body: "0123456789", cut: bytes, fault: truncated}, expect: {outcome: failed, text: {equals: "01234"}}}
"""
    assert await failures(tmp_path, cases) == []
