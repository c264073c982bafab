"""Hostile files get one clear error, each within a second of a core and 50 MB: the kernel holds the loader to both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HEADER = "apiVersion: kapagate.dev/v1\nkind: Gateway\n"
TENANT = HEADER.replace("Gateway", "Tenant")
FILES: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "aliases-that-multiply": (
        lambda: "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)),
        "KG106",
    ),
    "an-alias-in-a-circle": (lambda: "a: &a {b: [*a]}", "KG106"),
    "aliases-without-end": (lambda: "- &a b\n" + "- *a\n" * 150_000, "KG106"),
    "10000-brackets": (lambda: "a: " + "[" * 10_000 + "]" * 10_000, "KG105"),
    "10000-braces": (lambda: "{a: " * 10_000, "KG105"),
    "nested-by-indentation": (lambda: "".join(" " * depth + "a:\n" for depth in range(2_500)), "KG105"),
    "four-million-brackets": (lambda: "[" * ((4 << 20) - 1), "KG105"),
    "100-MB": (lambda: "a: b\n" * (20 << 20), "KG102"),
    "one-word-of-5-MB": (lambda: "x" * (5 << 20), "KG102"),
    "lines-without-end": (lambda: "a: 1\n" * 800_000, "KG102"),
    "values-without-end": (lambda: "[" + "1," * ((2 << 20) - 10) + "]", "KG102"),
    "keys-without-end": (lambda: HEADER + "".join(f"k{i}: 1\n" for i in range(45_000)), "KG102"),
    "documents-without-end": (lambda: "".join(f"---\n{TENANT}name: t{i}\n" for i in range(12_000)), "KG102"),
    "anchors-without-end": (lambda: "".join(f"- &a{i} b\n" for i in range(150_000)), "KG102"),
    "comments-without-end": (lambda: "#\n" * (2 << 20), "KG102"),
    "a-quote-without-end": (lambda: 'a: "' + "\\n" * ((2 << 20) - 10), "KG104"),
    "keys-of-keys": (lambda: "? " * ((2 << 20) - 10), "KG110"),
    "a-NUL": (lambda: "a: b\0", "KG103"),
    "four-million-NULs": (lambda: "\0" * (4 << 20), "KG103"),
    "utf-16": (lambda: HEADER.encode("utf-16"), "KG103"),
    "utf-16-without-a-mark": (lambda: HEADER.encode("utf-16-le"), "KG103"),
    "latin-1": (lambda: b"name: caf\xe9\n", "KG103"),
    "nothing": (lambda: "", "KG111"),
    "a-list": (lambda: "- a\n", "KG112"),
    "a-tag-that-calls": (lambda: HEADER + "name: !!python/object/apply:os.system [id]\n", "KG107"),
    "a-merge": (lambda: HEADER + "x: &x {}\nlisten: {<<: *x}\n", "KG108"),
    "a-merge-of-many": (lambda: HEADER + "listen:\n" + "  <<: {a: b}\n" * 20_000, "KG108"),
    "tags-without-end": (lambda: HEADER + "gate:\n" + "- !a b\n" * 90_000, "KG107"),
    "the-same-key-again-and-again": (lambda: HEADER + "a: 1\n" * 40_000, "KG109"),
    "numbers-for-keys": (lambda: HEADER + "".join(f"{i}: 1\n" for i in range(9_000)), "KG110"),
    "half-references": (lambda: HEADER + "name: " + "${" * 1_000_000, "KG401"),
}
CHECKER = """
import json, os, resource, sys
from pathlib import Path
import kapagate.run
from kapagate.chain.services import Services
from kapagate.policy.load import load_policy

SECONDS, BYTES = 1, 50 << 20

def check(path):
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    loaded = load_policy([path], lambda kind, name, folder: "", lambda settings: Services({}))
    report = loaded.report()
    return [[each.code.name for each in loaded.diagnostics], len(report)]

for name in sys.argv[1:]:
    ends, begins = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(begins, json.dumps(check(Path(name))).encode())
        except BaseException as cause:
            os.write(begins, json.dumps([[repr(cause)], 0]).encode())
        os._exit(0)
    os.close(begins)
    _, status = os.waitpid(child, 0)
    told = os.read(ends, 1 << 16)
    os.close(ends)
    print(json.dumps([Path(name).stem, *json.loads(told or '[["killed"], 0]')]))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], int]]:
    """What is said of each file: codes, and the length of the report. A process of its own for each, held to bounds."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (made, _) in FILES.items():
        text = made()
        (folder / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    paths = [str(folder / f"{name}.yaml") for name in FILES]
    program = [sys.executable, "-c", CHECKER, *paths]
    root = Path(__file__).parents[2]
    out = subprocess.run(program, capture_output=True, text=True, check=True, timeout=120, cwd=root).stdout
    return {name: (codes, length) for name, codes, length in map(json.loads, out.splitlines())}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_for_the_right_reason_within_bounds(
    told: dict[str, tuple[list[str], int]], name: str
) -> None:
    found, length = told[name]
    expected = FILES[name][1]
    assert expected in found
    assert len(set(found) - {"KG201", "KG202", "KG204", "KG211", "KG214"}) == 1
    assert len(found) <= 101
    assert length < 64 << 10
