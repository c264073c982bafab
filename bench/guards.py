"""What the rule on personal data costs: microseconds per text, all detectors on."""

from __future__ import annotations

from collections.abc import Callable
from timeit import repeat

from kapagate.guards.personal import PersonalData

_KIB = 1024
TEXTS = {
    "clean ASCII, 4 KiB": "The quick brown fox jumps over the lazy dog, and then it rests. ",
    "clean with numbers, 4 KiB": "In 2024, 12 foxes (v1.2) jumped over 3 dogs - twice at 10:30. ",
    "clean German, 4 KiB": "Der schnelle Fuchs „springt“ über den trägen Hund – täglich. ",
    "clean Chinese, 4 KiB": "快速的棕色狐狸跳过懒狗，然后休息。",
    "46 addresses, 4 KiB": "Person has the mail address jane.doe@example.com, and reads it every morning at nine. ",
}
HOSTILE = {"digits": "1", "groups": "4111 ", "at signs": "a@", "words and digits": "call 1", "zero-width": "4\u200b"}


def microseconds(call: Callable[[], object], times: int = 200) -> float:
    """The best of five runs."""
    return min(repeat(call, number=times, repeat=5)) / times * 1e6


def figures() -> dict[str, float]:
    """Microseconds per whole text, and per piece of 60 characters of a text that streams."""
    rule = PersonalData()
    measured = {name: microseconds(_whole(rule, text)) for name, text in TEXTS.items()}
    piece = next(iter(TEXTS.values()))[:60] * 2
    measured["clean ASCII, a piece of 60"] = microseconds(lambda: rule.scan(piece, 60, False), 5_000)
    short = (next(iter(TEXTS.values())) * 10)[:600]
    measured["clean ASCII, one look at 600"] = microseconds(lambda: rule.clean([short]), 5_000)
    for name, unit in HOSTILE.items():
        measured[f"hostile, 1 MiB: {name}"] = microseconds(_hostile(rule, unit), 1)
    return measured


def _hostile(rule: PersonalData, unit: str) -> Callable[[], object]:
    text = (unit * (_KIB * _KIB // len(unit) + 1))[: _KIB * _KIB]
    return lambda: rule.scan(text, 0, True)


def _whole(rule: PersonalData, text: str) -> Callable[[], object]:
    long = (text * (4 * _KIB // len(text) + 1))[: 4 * _KIB]
    return lambda: rule.scan(long, 0, True)


if __name__ == "__main__":
    for name, figure in figures().items():
        print(f"{name:36} {figure:12.1f}")
