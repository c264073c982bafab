"""How much personal data the detectors find, and how much they touch that must stay: writes `docs/scorecard.md`.

Run by `make scorecard`. A finding counts as found when everything of it is covered by findings of its kind; a finding
of the kind that touches no value of it is false. Presidio's pattern recognisers look at the same texts.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import process_time

from bench.scorecard_corpus import Sample, corpus
from kapagate.guards.personal import PersonalData

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "scorecard.md"
PRESIDIO = ROOT / ".venv-presidio" / "bin" / "python"
PIECE = 7
FLOORS = {
    **dict.fromkeys(("card", "iban", "email", "ssn", "ip", "api_key"), 0.98), "phone": 0.90, "mac": 0.95, "birth": 0.90,
    "name": 0.90,
}  # fmt: skip
TOUCHED_AT_MOST = 0.01

Found = list[tuple[str, int, int]]
Scores = dict[tuple[str, str], Counter[str]]


def whole(rule: PersonalData, text: str) -> Found:
    return [(edit.kind, edit.start, edit.end) for edit in rule.scan(text, 0, True)[0]]


def streamed(rule: PersonalData, text: str) -> Found:
    """What is found when the text arrives in pieces."""
    found, sure = [], 0
    for end in (*range(PIECE, len(text), PIECE), len(text)):
        edits, sure = rule.scan(text[:end], sure, end == len(text))
        found += [(edit.kind, edit.start, edit.end) for edit in edits]
    return found


def scores(samples: Sequence[Sample], findings: Sequence[Found]) -> Scores:
    """Per kind and locale: `found`, `missed`, `false`. What is found in texts that must stay is false of its kind."""
    told: Scores = defaultdict(Counter)
    for sample, found in zip(samples, findings, strict=True):
        own = [(start, end) for kind, start, end in found if kind == sample.kind]
        if sample.kind:
            covered = any(start <= sample.start and sample.end <= end for start, end in own)
            told[sample.kind, sample.locale]["found" if covered else "missed"] += 1
        for kind, start, end in found:
            if not sample.kind or end <= sample.start or start >= sample.end:
                told[kind, sample.locale]["false"] += 1
    return told


def summed(told: Scores) -> dict[str, Counter[str]]:
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for (kind, _), counts in told.items():
        by_kind[kind].update(counts)
    return by_kind


def figures(counts: Counter[str]) -> tuple[float, float, float]:
    """Precision, recall and F2, in which recall weighs twice."""
    found, missed, false = counts["found"], counts["missed"], counts["false"]
    precision = found / (found + false) if found + false else 1.0
    recall = found / (found + missed) if found + missed else 1.0
    both = 4 * precision + recall
    return precision, recall, 5 * precision * recall / both if both else 0.0


def touched(samples: Sequence[Sample], findings: Sequence[Found]) -> float:
    """The share of texts that must stay and do not."""
    staying = [bool(found) for sample, found in zip(samples, findings, strict=True) if not sample.kind]
    return sum(staying) / len(staying)


def presidio(texts: Sequence[str]) -> tuple[list[Found], float] | None:
    """Presidio's findings and its microseconds per KiB; None where it is not installed."""
    if not PRESIDIO.exists():
        return None
    command = [str(PRESIDIO), str(ROOT / "bench" / "scorecard_presidio.py")]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    return [[(kind, start, end) for kind, start, end in each] for each in told["found"]], _per_kib(
        told["seconds"], texts
    )


def _per_kib(seconds: float, texts: Sequence[str]) -> float:
    return seconds * 1e6 / (sum(map(len, texts)) / 1024)


def page(samples: Sequence[Sample]) -> str:
    rule, texts = PersonalData(), [sample.text for sample in samples]
    found = [whole(rule, text) for text in texts]  # builds automata, as the first answers of a gateway do
    began = process_time()
    for text in texts:
        whole(rule, text)
    cost = _per_kib(process_time() - began, texts)
    pieces = [sorted(streamed(rule, text)) for text in texts]
    same = sum(sorted(one) == other for one, other in zip(found, pieces, strict=True))
    peer = presidio(texts)
    return _INTRODUCTION.format(number=len(texts)) + "\n".join(
        [
            *_kinds(summed(scores(samples, found)), summed(scores(samples, peer[0])) if peer else None),
            *("", *_totals(samples, found, cost, same, peer), "", "## By locale", ""),
            *_locales(scores(samples, found)),
            "",
        ]
    )


def _kinds(ours: dict[str, Counter[str]], peers: dict[str, Counter[str]] | None) -> list[str]:
    lines = [
        "| kind | precision | recall | F2 | floor | Presidio: precision | recall | F2 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind, floor in FLOORS.items():
        theirs = "– | – | –"
        if peers is not None and peers[kind]["found"]:
            theirs = _cells(peers[kind])
        lines.append(f"| `{kind}` | {_cells(ours[kind])} | {floor:.2f} | {theirs} |")
    return lines


def _cells(counts: Counter[str]) -> str:
    return " | ".join(f"{figure:.3f}" for figure in figures(counts))


def _totals(
    samples: Sequence[Sample], found: list[Found], cost: float, same: int, peer: tuple[list[Found], float] | None
) -> list[str]:
    their_share, their_cost = (f"{touched(samples, peer[0]):.2%}", f"{peer[1]:.0f}") if peer else ("–", "–")
    lines = [
        "| | kapagate | Presidio |",
        "| --- | --- | --- |",
        f"| texts that must stay and are touched | {touched(samples, found):.2%} | {their_share} |",
        f"| microseconds of CPU per KiB | {cost:.0f} | {their_cost} |",
        f"| the same findings when streamed in pieces of {PIECE} characters | {same / len(samples):.2%} | – |",
    ]
    return (
        lines if peer else [*lines, "", "Presidio is not installed here: `make scorecard` installs it from its lock."]
    )


def _locales(told: Scores) -> list[str]:
    lines = ["| kind | locale | precision | recall | F2 |", "| --- | --- | --- | --- | --- |"]
    asked = [(kind, locale) for kind, locale in told if told[kind, locale]["found"] + told[kind, locale]["missed"]]
    return lines + [f"| `{kind}` | {locale} | {_cells(told[kind, locale])} |" for kind, locale in sorted(asked)]


_INTRODUCTION = """# Scorecard

Written by `make scorecard`, on {number:,} short texts that the repository makes from templates in eight languages. They
are of our own making: they show regressions and compare, they do not stand for yours. Found means that all of a value
is covered. Presidio runs its pattern recognisers alone, at a threshold of 0.3, without a language model, with look-ups
off; a dash stands where it has none. Costs are those of a second look, when automata are built. A test fails when a
figure falls below its floor.

"""


def main() -> None:
    PAGE.write_text(page(list(corpus())), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
