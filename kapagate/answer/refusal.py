"""Why an answer does not go on: refused on purpose, or because a rule failed."""

from __future__ import annotations


class Refusal(Exception):
    """Raised on purpose. Whatever derives from it is a decision, never a failure that `lenient` may pass over.

    `step`: the id of the step that decided; the pump fills it in where a rule left it empty.
    """

    step: str = ""


class Refused(Refusal):
    """A text rule of `step` found something of `kind` that must not be said. `words`: what is said of it, in the
    policy's own words; empty where it has none.
    """

    def __init__(self, step: str, kind: str, words: str = "") -> None:
        super().__init__(f"{step}: {kind}")
        self.step = step
        self.kind = kind
        self.words = words


class Withheld(Refusal):
    """An end rule has looked at the whole answer, and it must not be said.

    Where nothing of it has left, `words` are said instead, and the answer keeps its identifiers; else it is refused.
    """

    def __init__(self, words: str, kind: str) -> None:
        super().__init__(words)
        self.words = words
        self.kind = kind


class RuleFailed(Exception):
    """A binding rule of `step` raised `cause`, so that nothing more may be said in its name."""

    def __init__(self, step: str, cause: Exception) -> None:
        super().__init__(f"{step}: {type(cause).__name__}")
        self.step = step
        self.cause = cause


class ContractBroken(Exception):
    """A text rule answered what `TextRule` rules out."""
