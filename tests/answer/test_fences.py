"""Whether a text ends within a code block."""

from __future__ import annotations

import pytest

from kapagate.answer.fences import Fences


def closing(text: str, size: int) -> str:
    fences = Fences()
    for at in range(0, len(text), size):
        fences.feed(text[at : at + size])
    return fences.closing


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prose", ""),
        ("```py\nx = 1\n", "```\n"),
        ("```py\nx = 1", "\n```\n"),
        ("```py", "\n```\n"),
        ("a\n````\n```\n", "````\n"),
        ("~~~\n```\nx", "\n~~~\n"),
        ("> ```\n> x", "\n> ```\n"),
        ("- ```sh\n  rm", "\n  ```\n"),
        ("1. do\n   ```\n   x", "\n   ```\n"),
        ("```\nx\n```\n", ""),
        ("```\nx\n```", ""),
        ("```\nx\n``` y", "\n```\n"),
        ("```inline``` code", ""),
        ("a ``` b", ""),
        ("a" * 500 + "```\n", ""),
    ],
)
def test_knows_what_is_open(text: str, expected: str, size: int) -> None:
    assert closing(text, size) == expected
