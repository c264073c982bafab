from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.install import reason, to_fetch
from bench.paired import Plan
from bench.results import Results
from bench.run import SECTIONS, taken
from bench.site import Site

MACHINE = {"processor": "p", "cores": 2, "python": "3.11", "revision": "abc"}


def good(site: Site, plan: Plan) -> Mapping[str, Any]:
    return {"folder": site.place().is_dir(), "rounds": plan.rounds}


def bad(site: Site, plan: Plan) -> Mapping[str, Any]:
    raise RuntimeError("it did not start")


def test_a_section_that_fails_is_told_and_the_others_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "latest.json"
    results, failed = taken({"one": bad, "two": good}, Plan(rounds=3), Results(MACHINE, {}), file)
    assert failed == ["one"]
    assert results.sections == {"two": {"revision": "abc", "folder": True, "rounds": 3}}
    assert Results.read(file) == results
    assert "one failed: RuntimeError: it did not start" in capsys.readouterr().out


def test_what_was_measured_before_stays_until_it_is_measured_again(tmp_path: Path) -> None:
    before = Results(MACHINE, {}).with_section("one", {"value": 1}).with_section("two", {"value": 2})
    results, _ = taken({"two": good}, Plan(rounds=1), before, tmp_path / "latest.json")
    assert results.at("one", "value") == 1
    assert results.at("two", "rounds") == 1


def test_all_scenarios_have_a_section() -> None:
    wanted = {"whole-600", "whole-4096", "whole-65536", "streams", "filters", "tenants", "patterns"}
    assert wanted | {"rates", "reload", "open-streams", "start", "window", "client", "replicas"} == set(SECTIONS)


def test_what_apt_would_install_is_fetched() -> None:
    simulated = "Reading lists\nInst liblua5.3-0 (5.3.6-2 Debian [amd64])\nInst haproxy (2.6)\nConf haproxy (2.6)\n"
    assert to_fetch(simulated) == ["liblua5.3-0", "haproxy"]


def test_a_failure_is_told_by_its_last_line() -> None:
    assert reason(OSError("first\nlast")) == "last"
