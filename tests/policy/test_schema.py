"""The schema that editors read and the loader give the same verdict wherever a schema can tell."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from bench.mutants import choices, edited, mutants, tokens
from kapagate.demo.people import Keys
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import plain
from kapagate.policy.schema import schema
from kapagate.policy.source import Source
from kapagate.policy.syntax import parse
from kapagate.policy.table import Table
from kapagate.policytest.declaration import PolicyTest
from kapagate.remote.references import References
from kapagate.run import offline

ROOT = Path(__file__).parents[2]
EXAMPLES = [ROOT / "policies" / "gateway.yaml", *sorted((ROOT / "policies").glob("*/*.yaml"))]
OTHERS = sorted((ROOT / "bench" / "policies").rglob("*.yaml"))
KINDS = {"PolicyTest": PolicyTest}
SHAPE = {"KG210", "KG213", "KG214"}  # of which a schema can tell as well


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    return Draft7Validator(schema(Table(), KINDS))


def documents(text: str) -> list[Any]:
    """As the policy's own reader reads them: YAML 1.2."""
    return [plain(node) for node in parse(Source("x.yaml", text, Path(".")), Diagnostics())]


def test_it_is_draft_7_and_committed_as_it_is() -> None:
    made = schema(Table(), KINDS)
    Draft7Validator.check_schema(made)
    assert made["$schema"] == "http://json-schema.org/draft-07/schema#"
    committed = json.loads((ROOT / "kapagate.schema.json").read_text())
    assert committed == json.loads(json.dumps(made)), "run: make schema"


@pytest.mark.parametrize("path", [*EXAMPLES, *OTHERS], ids=lambda path: path.name)
def test_every_example_names_the_schema_and_is_good_by_it(validator: Draft7Validator, path: Path) -> None:
    text = path.read_text()
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == ROOT / "kapagate.schema.json"
    for document in documents(text):
        assert [error.message for error in validator.iter_errors(document)] == []


def test_every_field_says_what_it_is() -> None:
    silent = [f"{name}.{key}" for name, own in _models() for key, field in own.items() if not _described(field)]
    assert silent == []


def test_every_field_has_examples() -> None:
    """Where the type says too little, `examples` at the field or a line in `kapagate/policy/samples.py` does."""
    without = [f"{name}.{key}" for name, own in _models() for key, field in own.items() if not field.get("examples")]
    assert without == []


def test_every_example_is_good_by_the_schema(validator: Draft7Validator) -> None:
    for name, own in _models():
        for key, field in own.items():
            for example in field["examples"]:
                errors = validator.evolve(schema=_field(validator, name, key)).iter_errors(example)
                assert [each.message for each in errors] == [], (name, key, example)


def _field(validator: Draft7Validator, name: str, key: str) -> dict[str, Any]:
    whole: dict[str, Any] = validator.schema
    return {**whole["definitions"][name]["properties"][key], "definitions": whole["definitions"]}


def _models() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, own in schema(Table(), KINDS)["definitions"].items():
        if name not in ("step", "scheme"):
            yield name, {key: field for key, field in own.get("properties", {}).items() if "const" not in field}


def _described(field: dict[str, Any]) -> bool:
    return bool(field.get("description"))


def test_edits_of_keys_and_choices_get_the_loaders_verdict(validator: Draft7Validator) -> None:
    environment = dict(Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:2", "example.db"))
    text = EXAMPLES[0].read_text()
    found = [each for token in tokens("gateway.yaml", text, choices()) for each in mutants(token)]
    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in EXAMPLES[1:]:
            (Path(folder) / f"{path.parent.name}-{path.name}").write_text(path.read_text())
        for mutant in random.Random(7).sample(found, 120):
            wrong = edited(text, mutant)
            (Path(folder) / "gateway.yaml").write_text(wrong)
            loaded = offline([Path(folder)], References(environment))
            good = all(validator.is_valid(document) for document in documents(wrong))
            codes = {each.code.name for each in loaded.diagnostics if each.is_error}
            if codes and codes <= SHAPE:
                refused += 1
                assert not good, loaded.report()
            if loaded.ok:
                assert good, mutant
    assert refused > 30
