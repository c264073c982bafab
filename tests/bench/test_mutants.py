"""Mistakes are found where they are: a sample of all edits of the example policies (`python -m bench.mutants`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.mutants import BAR, WORDS, Mutant, Token, choices, edited, measured, mutants, sampled, tokens
from kapagate.demo.people import Keys

POLICIES = Path(__file__).parents[2] / "policies"
TEXT = """\
apiVersion: kapagate.dev/v1
kind: Gateway
roles: {viewer: {allow: [kapa.chat]}}
gate:
  - rate_limit: {per: [ip], limit: "60/min"}
    mode: shadow
state: "sqlite:${env:STATE}"
"""


def test_words_are_told_apart() -> None:
    found = {(each.text, each.kind) for each in tokens("x.yaml", TEXT, choices())}
    assert found >= {
        ("roles", "key"),
        ("viewer", "given"),
        ("kapa.chat", "name"),
        ("rate_limit", "key"),
        ("ip", "choice"),
        ("60/min", "quantity"),
        ("shadow", "choice"),
        ("${env:STATE}", "reference"),
    }


def test_an_edit_changes_its_word_alone() -> None:
    token = Token("x.yaml", 2, 7, "Gateway", "choice")
    texts = {each.edit: edited(TEXT, each).splitlines()[1] for each in mutants(token) if each.at == 1}
    assert texts == {
        "drop": "kind: Gteway",
        "double": "kind: Gaateway",
        "swap": "kind: Gtaeway",
        "replace": "kind: Gbteway",
    }


def test_no_edit_leaves_a_word_as_it_was() -> None:
    token = Token("x.yaml", 2, 7, "aabb", "key")
    assert all(edited("\n      aabb", each) != "\n      aabb" for each in mutants(token))
    assert Mutant(token, 0, "swap", "aa") not in list(mutants(token))


@pytest.mark.parametrize("seed", [1, 2])
def test_of_a_sample_nearly_all_are_refused_where_they_are_and_understood(seed: int) -> None:
    environment = dict(Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:2", "example.db"))
    figures = measured(POLICIES, environment, sampled(80, seed))
    assert figures.share_found(*BAR) >= 0.96
    assert figures.share_meant(*WORDS) >= 0.88
