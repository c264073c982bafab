"""Policies that differ from the shipped example in one thing, written into a folder of their own.

The full chain is the example as it is shipped. Everything else that is measured is made from it here, so that it keeps
up with it: its gate alone, its steps one by one, more tenants, more terms, room for more streams.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.process import ROOT

SHIPPED = ROOT / "policies"
PASS_THROUGH = ROOT / "bench/policies/pass-through"
ROOM = {"connections": 20_000, "exchanges": 20_000, "exchanges_per_tenant": 20_000}
_PER_FILE = 500

Gateway = dict[str, Any]
Edit = Callable[[Gateway], None]


def written(folder: Path, *edits: Edit, tenants: int = 0) -> Path:
    """The example with edits of its Gateway document, and more tenants."""
    target = folder / "policy"
    shutil.copytree(SHIPPED, target, ignore=shutil.ignore_patterns("tests", "environments", "exceptions"))
    gateway = yaml.safe_load((target / "gateway.yaml").read_text())
    for edit in edits:
        edit(gateway)
    (target / "gateway.yaml").write_text(yaml.safe_dump(gateway, sort_keys=False, allow_unicode=True))
    _write_tenants(target / "tenants", gateway, tenants)
    return target


def _write_tenants(folder: Path, gateway: Gateway, count: int) -> None:
    for file in folder.glob("*.yaml"):
        tenant = yaml.safe_load(file.read_text())
        if not {"ask", "answer"} <= {step.get("id") for step in gateway["chain"]}:
            tenant.pop("chain", None)  # it sets what is not there
        file.write_text(yaml.safe_dump(tenant, sort_keys=False))
    added = many_tenants(count)
    for first in range(0, count, _PER_FILE):
        documents = yaml.safe_dump_all(added[first : first + _PER_FILE], sort_keys=False)
        (folder / f"t{first:05}.yaml").write_text(documents)


def keys_of(tenants: int) -> Mapping[str, str]:
    """What the added tenants ask of the environment."""
    return {f"KG_T{number}_KEY": f"key-of-{number}" for number in range(tenants)}


def steps() -> list[tuple[str, Edit]]:
    """The example's steps one by one: who asks first, for nothing is without; then gate, then chain, as declared."""
    shipped = yaml.safe_load((SHIPPED / "gateway.yaml").read_text())
    gate, chain = [[_name(step) for step in shipped[place]] for place in ("gate", "chain")]
    asked = [name for name in gate if name == "identify"]
    added = [*asked, *(name for name in gate if name not in asked), *chain]
    return [(name, keeping({*added[: at + 1]})) for at, name in enumerate(added)]


def keeping(names: set[str]) -> Edit:
    """Only the steps of these names."""

    def edit(gateway: Gateway) -> None:
        for place in ("gate", "chain"):
            gateway[place] = [step for step in gateway[place] if _name(step) in names]

    return edit


def gate_only(gateway: Gateway) -> None:
    gateway["chain"] = []


def with_terms(count: int) -> Edit:
    """So many blocked terms in question and answer."""

    def edit(gateway: Gateway) -> None:
        for name, step in _guards(gateway):
            step[name]["blocked_terms"] = list(terms(count))

    return edit


def with_longest_answer(characters: int) -> Edit:
    def edit(gateway: Gateway) -> None:
        for name, step in _guards(gateway):
            if name == "guard_answer":
                step[name]["max_response_length"] = characters

    return edit


def with_series(gateway: Gateway) -> None:
    """Metrics of as many tenants as there are."""
    for step in gateway["chain"]:
        if "metrics" in step:
            step["metrics"]["max_series"] = 1_000_000


def with_room(ca_file: Path | None = None) -> Edit:
    """For thousands of streams at once; the upstream's certificate is believed."""

    def edit(gateway: Gateway) -> None:
        gateway["listen"]["limits"] |= ROOM
        gateway["upstreams"]["kapa"] |= {"connections": 20_000} | ({"ca_file": str(ca_file)} if ca_file else {})

    return edit


def terms(count: int) -> Iterator[str]:
    """Code names that nobody says: a word, or two."""
    return (f"codename {_letters(number)}" if number % 2 else _letters(number) for number in range(count))


def many_tenants(count: int) -> list[Mapping[str, Any]]:
    """`t0` to `tN`: a project and a key each, as the example's have."""
    return [
        {
            "apiVersion": "kapagate.dev/v1",
            "kind": "Tenant",
            "name": f"t{number}",
            "upstreams": {
                "kapa": {
                    "project": f"00000000-0000-4000-8000-{number:012}",
                    "api_key": f"${{env:KG_T{number}_KEY}}",
                    "source_groups": "all",
                }
            },
        }
        for number in range(count)
    ]


def _letters(number: int) -> str:
    return "zq" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:05}")


def _guards(gateway: Gateway) -> Iterator[tuple[str, dict[str, Any]]]:
    for step in gateway["chain"]:
        for name in ("guard_question", "guard_answer"):
            if name in step:
                yield name, step


def _name(step: Mapping[str, Any]) -> str:
    """Its id, which defaults to the filter's name."""
    return str(step.get("id") or next(iter(step)))
