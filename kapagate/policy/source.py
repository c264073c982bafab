"""Policy files as they lie on disk: found, bounded, decoded.

A directory gives its `.yaml` and `.yml` files, sorted, subdirectories too. Hidden names are passed over, so a mounted
ConfigMap (`..data`, `..2026_11_01`) is read once, through its visible links.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.position import Span

LARGEST_FILE = 4 << 20
MOST_LINES = 200_000
_DEEPEST_FOLDER = 16
_SUFFIXES = (".yaml", ".yml")
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what libyaml counts as the end of a line
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class Source(Struct):
    """One file's text. `name` is how messages call it, `folder` what relative references start from.

    `shown`: whether messages may quote its lines; files that references stand for may hold secrets and are not quoted.
    """

    name: str
    text: str
    folder: Path
    shown: bool = True
    _lines: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        """Split when somebody asks: of a good file nobody does."""
        if self._lines is None:
            self._lines = _BREAKS.split(self.text)
        return self._lines


def read_sources(paths: Sequence[Path], problems: Diagnostics) -> list[Source]:
    """Every policy file under the paths, each once."""
    sources: list[Source] = []
    seen: set[tuple[int, int]] = set()
    for path in paths:
        found = list(_files(path, problems, 0, frozenset()) if path.is_dir() else [path])
        if not found and path.is_dir():
            problems.add(codes.NO_FILES, Span(called(path)), "no .yaml or .yml file in this directory")
        for file in found:
            sources += _read(file, seen, problems)
    return sources


def called(path: Path) -> str:
    """How messages call a file; what of its name is not UTF-8 is told as an escape."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _files(path: Path, problems: Diagnostics, depth: int, above: frozenset[str]) -> Iterator[Path]:
    real = os.path.realpath(path)
    if real in above or depth > _DEEPEST_FOLDER:
        return
    try:
        with os.scandir(path) as found:
            entries = sorted((entry for entry in found if entry.name[0] != "."), key=lambda entry: entry.name)
    except OSError as cause:
        problems.add(codes.UNREADABLE, Span(called(path)), f"cannot be read: {cause.strerror}")
        return
    for entry in entries:
        if _is_folder(entry):
            yield from _files(path / entry.name, problems, depth + 1, above | {real})
        elif entry.name.endswith(_SUFFIXES):
            yield path / entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _read(path: Path, seen: set[tuple[int, int]], problems: Diagnostics) -> Iterable[Source]:
    """The file's text, unless it was `seen` (by device and inode)."""
    span = Span(called(path))
    try:
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in seen:
            return []
        seen.add((status.st_dev, status.st_ino))
        if not stat.S_ISREG(status.st_mode):
            problems.add(codes.UNREADABLE, span, "is not a regular file")
            return []
        with open(path, "rb", buffering=0) as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as cause:
        problems.add(codes.UNREADABLE, span, f"cannot be read: {getattr(cause, 'strerror', None) or cause}")
        return []
    if len(data) > LARGEST_FILE:
        problems.add(codes.TOO_LARGE, span, f"is larger than {LARGEST_FILE >> 20} MiB")
        return []
    source = decode(data, span.file, path.parent, problems)
    return [source] if source else []


def decode(data: bytes, name: str, folder: Path, problems: Diagnostics) -> Source | None:
    """Bytes as a source; None, with a problem, when they are not UTF-8 text."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:4] == b"\0\0\xfe\xff":
        problems.add(codes.NOT_TEXT, Span(name), "is UTF-16 or UTF-32; save it as UTF-8")
        return None
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as cause:
        before = data[: cause.start].decode("utf-8", "replace")
        problems.add(codes.NOT_TEXT, _place(name, before), "a byte here is not UTF-8")
        return None
    if sum(1 for _ in _BREAKS.finditer(text)) > MOST_LINES:
        problems.add(codes.TOO_LARGE, Span(name), f"has more than {MOST_LINES} lines")
        return None
    return admit(Source(name, text, folder), problems)


def admit(source: Source, problems: Diagnostics) -> Source | None:
    """The source, unless it holds characters that YAML does not allow."""
    found = _CONTROL.search(source.text)
    if found is None:
        return source
    what = "a NUL byte" if found[0] == "\0" else f"the control character U+{ord(found[0]):04X}"
    problems.add(codes.NOT_TEXT, _place(source.name, source.text[: found.start()]), f"{what} stands here")
    return None


def _place(name: str, before: str) -> Span:
    lines = _BREAKS.split(before)
    line, column = len(lines), len(lines[-1]) + 1
    return Span(name, line, column, line, column + 1)
