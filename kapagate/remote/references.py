"""What references in a policy stand for: `${env:NAME}` from a mapping, `${file:PATH}` from disk."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

LARGEST_FILE = 1 << 20


class References:
    """Resolves a reference's kind and name. `environment` is what `env` looks into.

    Raises LookupError with a sentence that names the variable or path and never what it holds.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __call__(self, kind: str, name: str, folder: Path) -> str:
        if kind == "env":
            return self._variable(name)
        if kind == "file":
            return read_text(folder / name)
        raise LookupError(f"nothing here resolves {kind} references")

    def _variable(self, name: str) -> str:
        try:
            text = self._environment[name]
            text.encode()
        except KeyError:
            raise LookupError(f"the environment variable {name} is not set") from None
        except UnicodeEncodeError:
            raise LookupError(f"the environment variable {name} is not UTF-8 text") from None
        return text


def read_text(path: Path) -> str:
    """A regular file of at most 1 MiB of UTF-8 text. Raises LookupError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise LookupError(f"{path} is not a regular file")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise LookupError(f"{path} is larger than {LARGEST_FILE >> 20} MiB")
        return data.decode("utf-8")
    except OSError as cause:
        raise LookupError(f"the file {path} cannot be read: {cause.strerror}") from None
    except ValueError:
        raise LookupError(f"{path} is not UTF-8 text, or no path") from None
