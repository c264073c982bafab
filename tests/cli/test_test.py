from __future__ import annotations

import logging
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from click.testing import CliRunner, Result

from kapagate.cli import main
from tests.policytest.trials import POLICY, TESTS

CASES = """\
  - {name: good, caller: ann, route: crm, expect: {status: 200}}
  - {name: bad, caller: ann, route: crm, expect: {status: 404}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gateway.yaml").write_text(POLICY.replace("SCHEME", "scheme: standard"))
    (tmp_path / "tests.yaml").write_text(TESTS + CASES)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["test", *map(str, arguments)])


def test_failures_go_to_standard_output_and_end_with_4(folder: Path) -> None:
    done = run(folder)
    assert (done.exit_code, done.stderr) == (4, "")
    assert "FAILED small: bad" in done.stdout
    assert "expected 404" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("2 cases, 2 calls: 1 failed (")


def test_only_what_is_chosen_is_run(folder: Path) -> None:
    done = run(folder, "--run", "small: good")
    assert done.exit_code == 0
    assert done.stdout.startswith("1 case, 1 call: all passed (")


@pytest.mark.parametrize(("chosen", "said"), [("(", "no regular expression"), ("nothing", "no case has such a name")])
def test_wrong_usage_ends_with_2(chosen: str, said: str, folder: Path) -> None:
    done = run(folder, "--run", chosen)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_policy_without_tests_is_wrong_usage(folder: Path) -> None:
    (folder / "tests.yaml").unlink()
    assert run(folder).exit_code == 2


def test_wrong_documents_end_with_3_and_are_told_on_standard_error(folder: Path) -> None:
    (folder / "tests.yaml").write_text(TESTS + CASES.replace("crm", "crn"))
    done = run(folder)
    assert (done.exit_code, done.stdout) == (3, "")
    assert 'unknown route or operation "crn"' in done.stderr


def test_coverage_is_a_table_and_can_be_asked_for_in_per_cent(folder: Path) -> None:
    done = run(folder, "--run", "good", "--coverage")
    assert done.exit_code == 0
    assert "coverage: " in done.stdout
    done = run(folder, "--run", "good", "--fail-under", "99")
    assert done.exit_code == 4
    assert "less than 99 %" in done.stderr
    assert run(folder, "--run", "good", "--fail-under", "1").exit_code == 0


def test_programs_and_build_servers_get_theirs(folder: Path) -> None:
    told = orjson.loads(run(folder, "--format", "json", "--coverage").stdout)
    assert (told["passed"], told["failed"]) == (1, 1)
    assert told["coverage"]["percent"] > 0
    root = ElementTree.fromstring(run(folder, "--format", "junit").stdout)
    assert [suite.get("failures") for suite in root] == ["1"]


def test_logs_are_quiet_only_while_cases_run(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "tests.yaml").write_text(
        TESTS + "  - {name: n, caller: ann, route: crm, upstream: {fault: unreachable}, expect: {status: 502}}\n"
    )
    done = run(folder)
    assert (done.exit_code, done.stderr, caplog.text) == (0, "", "")
    logging.getLogger("kapagate.cli").warning("loud again")
    assert "loud again" in caplog.text
