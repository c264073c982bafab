"""What the rule on personal data costs, all detectors on, beside what it may cost: `python -m bench.guards`.

CPU time, the best of several runs: of texts of 4 KiB, of each candidate in them, of 200 detectors of a policy's own
beside 5, and of hostile texts, whole and as they stream, whose cost per KiB must not grow with their length.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import process_time_ns

from kapagate.guards.custom import CustomDetector, personal_data
from kapagate.guards.personal import PersonalData

KIB = 1024
PIECE = 64
PROSE = "The quick brown fox jumps over the lazy dog, and then it rests. "
CLEAN = {
    "clean ASCII": (PROSE, 150.0),
    "clean ASCII with numbers": ("In 2024, 12 foxes (v1.2) jumped over 3 dogs - twice at 10:30. ", 150.0),
    "clean German": ("Der schnelle Fuchs „springt“ über den trägen Hund – täglich. ", 600.0),
    "clean Polish": ("Zażółć gęślą jaźń, a potem odpocznij – codziennie. ", 600.0),
    "clean Greek": ("Η γρήγορη αλεπού πηδάει πάνω από τον σκύλο. ", 600.0),
    "clean Chinese": ("快速的棕色狐狸跳过懒狗，然后休息。", 600.0),
}
CANDIDATES = {
    "email": "jane.doe@example.com",
    "email_spelled": "jane [at] example dot com",
    "phone": "+49 30 1234567",
    "phone, national": "(415) 555-2671",
    "phone_spoken": "call 4155552671",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "ip": "192.168.10.254",
    "ip, version 6": "2001:db8::8a2e:370",
    "mac": "00:1A:2B:3C:4D:5E",
    "ssn": "219-09-9999",
    "birth": "born on 12.03.1985",
    "name": "my name is Jane Doe",
    "api_key": "AKIA" + "IOSFODNN7EXAMPLE",
    "secret": "password: " + "hunter2!",
    "credentials": "postgres://me:" + "s3cr3tpw" + "@db/x",
}
PER_CANDIDATE = 15.0
HOSTILE = (
    *("1", "4111 ", "a@", "a@b.cc ", "@@", "call 1", "call 1234567 ", "4\u200b", "%40", "&#64;"),
    *("token=", "password:", "dp.pt.", "eyJ", "a [at] ", "born 1 May 2000 ", "Mr Aa ", "://a:b@c "),
    *("01 23 ", "1.1.", "1.2.3.4 ", "1:2:", "::1", "00:1A:2B:"),
    *("a-\u200b", "4 \u200b\u200b", "4111&zwnj; ", "jane doe" + "\u200b" * 150),
)  # fmt: skip
PER_KIB = 8_000.0
"""Whole. In a stream what waits is looked at again with every piece."""
GROWTH = 1.5
OWN = 1.05


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    most: float
    unit: str = "us"

    @property
    def holds(self) -> bool:
        return self.value <= self.most


def microseconds(call: Callable[[], object], times: int, rounds: int = 7) -> float:
    """CPU time of one call, the best of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = process_time_ns()
        for _ in range(times):
            call()
        best = min(best, (process_time_ns() - began) / times / 1000)
    return best


def filled(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def costs(rule: PersonalData, scale: int = 1) -> Iterator[Figure]:
    """Of texts of 4 KiB, and of each candidate in one."""
    for name, (unit, most) in CLEAN.items():
        text = filled(unit, 4 * KIB)
        yield Figure(f"{name}, 4 KiB", microseconds(partial(rule.scan, text, 0, True), 200 // scale), most)
    piece = PROSE[:60] * 2
    yield Figure("clean ASCII, a piece of 60", microseconds(lambda: rule.scan(piece, 60, False), 2000 // scale), 150.0)
    clean = microseconds(lambda: rule.scan(filled(PROSE, 4 * KIB), 0, True), 200 // scale)
    for name, value in CANDIDATES.items():
        unit = f"{PROSE}{value}, and {PROSE}"
        text = filled(unit, 4 * KIB)
        whole = microseconds(partial(rule.scan, text, 0, True), 40 // scale)
        yield Figure(f"a candidate more: {name}", (whole - clean) / text.count(value), PER_CANDIDATE)


def own(number: int) -> PersonalData:
    """A rule with as many detectors of a policy's own."""
    declared = {
        f"no{each}": CustomDetector(pattern=rf"\bK{each:03d}-\d{{4,8}}\b", matches=(f"K{each:03d}-1234",))
        for each in range(number)
    }
    rule = personal_data("redact", (), declared)
    if rule is None:
        raise AssertionError("it looks for something")
    return rule


def many_beside_few(scale: int = 1) -> Iterator[Figure]:
    few, many, text = own(5), own(200), filled(PROSE, 4 * KIB)
    pairs = [
        [microseconds(lambda rule=rule: rule.scan(text, 0, True), 100 // scale, 1) for rule in (few, many)]
        for _ in range(25)
    ]
    ratio = min(pair[1] for pair in pairs) / min(pair[0] for pair in pairs)
    yield Figure("200 detectors of one's own beside 5", ratio, OWN, "times")


def hostile(rule: PersonalData, length: int = KIB * KIB) -> Iterator[Figure]:
    for unit in HOSTILE:
        part, text = filled(unit, length // 4), filled(unit, length)
        short = microseconds(partial(rule.scan, part, 0, True), 1, 2) / (length // 4 / KIB)
        long = microseconds(partial(rule.scan, text, 0, True), 1, 1) / (length / KIB)
        yield Figure(f"hostile, {length // KIB} KiB: {unit!a}", long, PER_KIB, "us/KiB")
        yield Figure("  to a quarter of it", long / short, GROWTH, "times")


def hostile_streams(rule: PersonalData, length: int = 32 * KIB) -> Iterator[Figure]:
    for unit in HOSTILE:
        costs = [
            microseconds(partial(_streamed, rule, filled(unit, size)), 1, 2) / (size / KIB)
            for size in (length // 4, length)
        ]
        yield Figure(f"hostile, {length // KIB} KiB in pieces of {PIECE}: {unit!a}", costs[1], 5 * PER_KIB, "us/KiB")
        yield Figure("  to a quarter of it", costs[1] / costs[0], GROWTH, "times")


def _streamed(rule: PersonalData, text: str) -> None:
    """As the window hands it on: the context that the rule asks for, and what is not sure yet."""
    sure = 0
    for end in (*range(PIECE, len(text), PIECE), len(text)):
        base = max(0, sure - rule.context)
        sure = base + rule.scan(text[base:end], sure - base, end == len(text))[1]


def main() -> int:
    rule, broken = PersonalData(), 0
    for figures in (costs(rule), many_beside_few(), hostile(rule), hostile_streams(rule)):
        for each in figures:
            broken += not each.holds
            held = "" if each.holds else "  <-- more than it may"
            print(f"{each.name:58} {each.value:10.2f} {each.unit:7} at most {each.most:g}{held}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
