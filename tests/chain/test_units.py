from __future__ import annotations

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from kapagate.chain.units import Duration, Size, duration, size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30.0), ("5m", 300.0), ("1h", 3600.0), ("7d", 604_800.0), ("1.5s", 1.5), ("0s", 0.0)],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"),
    [("512B", 512), ("4KiB", 4096), ("1MiB", 1 << 20), ("2GiB", 2 << 30), ("0.5KiB", 512), (" 4KiB ", 4096)],
)
def test_sizes_are_bytes(text: str, count: int) -> None:
    assert size(text) == count
    assert isinstance(size(text), int)


WRONG = [
    "",
    "30",
    "s",
    "30 s",
    "-1s",
    "+1s",
    "1e3s",
    "30S",
    "30sec",
    "1_0s",
    "٣s",
    "0x1s",
    "1.s",
    ".5s",
    "9" * 10 + "s",
]


@pytest.mark.parametrize("text", [*WRONG, 30, 30.0, None, True, [], "4KiB"])
def test_what_is_no_duration_is_refused_with_examples(text: object) -> None:
    with pytest.raises(ValueError, match="250ms, 30s"):
        duration(text)


@pytest.mark.parametrize("text", ["4KB", "4kib", "4K", "4", 4, "30s", "1TiB"])
def test_what_is_no_size_is_refused_with_examples(text: object) -> None:
    with pytest.raises(ValueError, match="4KiB, 1MiB"):
        size(text)


def test_a_size_is_a_whole_number_of_bytes() -> None:
    with pytest.raises(ValueError, match="whole number"):
        size("0.5B")


class Limits(BaseModel):
    idle: Duration = 30.0
    body: Size = 1


def test_models_read_units() -> None:
    limits = Limits.model_validate({"idle": "5m", "body": "4KiB"})
    assert (limits.idle, limits.body) == (300.0, 4096)
    with pytest.raises(ValidationError):
        Limits.model_validate({"idle": 5})


@pytest.mark.parametrize("kind", [Duration, Size])
def test_the_schema_shows_text_with_a_unit(kind: object) -> None:
    schema = TypeAdapter(kind).json_schema()
    assert schema["type"] == "string"
    assert schema["pattern"].startswith("^")
