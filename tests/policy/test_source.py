"""Files are found, bounded and decoded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kapagate.policy.finding import Diagnostics
from kapagate.policy.source import LARGEST_FILE, Source, decode, read_sources


def read(*paths: Path) -> tuple[list[Source], list[str]]:
    problems = Diagnostics()
    sources = read_sources(paths, problems)
    return sources, [
        f"{Path(each.span.file).name}:{each.span.line}:{each.span.column} {each.code.name}" for each in problems
    ]


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a: 1\n")


def test_a_directory_gives_its_yaml_files_sorted_with_subdirectories(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "a.yml", "c.txt", "README.md", ".hidden.yaml", "tenants/z.yaml", ".git/x.yaml")
    sources, problems = read(tmp_path)
    assert [Path(source.name).name for source in sources] == ["a.yml", "b.yaml", "z.yaml"]
    assert problems == []


def test_a_mounted_config_map_is_read_once_through_its_links(tmp_path: Path) -> None:
    write(tmp_path, "..2026_11_01/gateway.yaml", "..2026_11_01/tenants/acme.yaml")
    (tmp_path / "..data").symlink_to("..2026_11_01")
    (tmp_path / "gateway.yaml").symlink_to("..data/gateway.yaml")
    (tmp_path / "tenants").symlink_to("..data/tenants")
    sources, problems = read(tmp_path)
    assert [source.name for source in sources] == [str(tmp_path / "gateway.yaml"), str(tmp_path / "tenants/acme.yaml")]
    assert problems == []


def test_a_name_that_is_not_utf_8_is_told_as_an_escape(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"g\xff.yaml")).write_text("a: 1")
    ([source], problems) = read(tmp_path)
    assert (source.name, problems) == (f"{tmp_path}/g\\xff.yaml", [])


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    assert len(read(tmp_path, tmp_path / "a.yaml")[0]) == 1


def test_a_circle_of_directories_ends(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(read(tmp_path)[0]) == 1


def test_a_directory_without_policy_files_is_an_error(tmp_path: Path) -> None:
    assert read(tmp_path)[1] == [f"{tmp_path.name}:1:1 KG113"]


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "dangling.yaml").symlink_to("absent")
    assert read(tmp_path)[1] == ["dangling.yaml:1:1 KG101", "pipe.yaml:1:1 KG101"]


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "big.yaml").open("wb") as file:
        file.truncate(100 * LARGEST_FILE)
    assert read(tmp_path) == ([], ["big.yaml:1:1 KG102"])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("a: b".encode("utf-16"), "1:1"),
        ("a: b".encode("utf-32-be"), "1:1"),
        (b"\0\0\xfe\xff", "1:1"),
        (b"a: b\nc: \xff", "2:4"),
        (b"\xc3\xa9: \xff", "1:4"),
        (b"a: b\nc: \0", "2:4"),
        (b"a: \x1b[31m", "1:4"),
        (b"a: \xed\xa0\x80", "1:4"),
    ],
)
def test_what_is_not_utf_8_text_is_refused_at_its_place(data: bytes, expected: str) -> None:
    problems = Diagnostics()
    decode(data, "x", Path("."), problems)
    [problem] = problems
    assert f"{problem.span.line}:{problem.span.column}" == expected
    assert problem.code.name == "KG103"


def test_a_byte_order_mark_is_passed_over() -> None:
    source = decode(b"\xef\xbb\xbfa: 1", "x", Path("."), Diagnostics())
    assert source is not None
    assert source.text == "a: 1"


def test_lines_end_where_yaml_says() -> None:
    assert Source("x", "a\r\nb\rc\nd\u2028e", Path(".")).lines == ["a", "b", "c", "d", "e"]
