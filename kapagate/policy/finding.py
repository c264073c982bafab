"""What is wrong with a policy: a code, a place, one sentence, and what would be right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from kapagate.policy.codes import Code
from kapagate.policy.position import Span
from kapagate.policy.suggestion import closest


class Diagnostic(Struct, frozen=True):
    """`suggestion` is the word that was probably meant; `note` one more line. `masked`: the place holds a secret."""

    code: Code
    span: Span
    message: str
    suggestion: str | None = None
    note: str | None = None
    masked: bool = False

    @property
    def is_error(self) -> bool:
        return self.code.severity == "error"


MOST_OF_A_KIND = 100


class Diagnostics:
    """Collects the problems of one load; says each once, sorted by file and place. Of one code in one file it keeps the
    first hundred: who mends these mends the others too, or learns of them then.
    """

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(
        self,
        code: Code,
        span: Span,
        message: str,
        *,
        suggestion: str | None = None,
        note: str | None = None,
        masked: bool = False,
    ) -> None:
        self.note(Diagnostic(code, span, message, suggestion, note, masked))

    def note(self, found: Diagnostic) -> None:
        kind = found.code.name, found.span.file
        if found not in self._found and self._counts[kind] < MOST_OF_A_KIND:
            self._found[found] = None
            self._counts[kind] += 1

    def unknown(self, code: Code, span: Span, what: str, word: str, known: Sequence[str], note: str = "") -> None:
        """`unknown <what> "<word>"`, with the closest of the known words, or else a list of them if it is short."""
        suggestion = closest(word, known)
        if not suggestion and not note and 0 < len(known) <= 12:
            note = "known: " + ", ".join(known)
        self.add(code, span, f'unknown {what} "{word}"', suggestion=suggestion, note=note or None)

    def copy(self) -> Diagnostics:
        """What was found so far; what is found later is not in it."""
        twin = Diagnostics()
        twin.become(self)
        return twin

    def become(self, *others: Diagnostics) -> None:
        """What was found in others, and nothing else."""
        self._found = {each: None for other in others for each in other._found}
        self._counts = Counter((each.code.name, each.span.file) for each in self._found)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(sorted(self._found, key=_order))

    def __len__(self) -> int:
        return len(self._found)

    @property
    def errors(self) -> int:
        return sum(found.is_error for found in self._found)


def _order(found: Diagnostic) -> tuple[str, int, int, str, str]:
    return found.span.file, found.span.line, found.span.column, found.code.name, found.message
