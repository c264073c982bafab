"""What the times of reading policies are taken of is good policy, of the size that is told."""

from __future__ import annotations

import os
from pathlib import Path

from bench.policy import long_file, write
from kapagate.demo.people import Keys
from kapagate.policy.finding import Diagnostics
from kapagate.policy.source import Source
from kapagate.policy.syntax import parse
from kapagate.remote.references import References
from kapagate.run import offline


def test_the_tenants_are_a_good_policy_with_the_examples(tmp_path: Path) -> None:
    example = Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:2", "example.db")
    loaded = offline([tmp_path], References({**example, **write(tmp_path, 20)}))
    assert loaded.ok, loaded.report()
    assert loaded.tenants == 22


def test_the_long_file_has_its_lines_and_is_yaml() -> None:
    problems, text = Diagnostics(), long_file(500)
    assert text.count("\n") == 500
    assert len(parse(Source("x.yaml", text, Path(".")), problems)) > 30
    assert list(problems) == []
