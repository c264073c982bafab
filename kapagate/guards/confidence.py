"""How sure an answer seems, as a figure from 0 to 1, and what happens to one that does not.

From 1.0 is taken:

    0.5    Kapa calls its answer uncertain
    0.4    it names no source; 0.15 for a single one, 0.05 for two (a page counts once)
    0.5    it says in its first 240 characters that it does not know or has found nothing; 0.2 further on

The figure orders answers, it is no probability: what it means for a project is seen in the audit and in
`kapagate_answer_confidence`, with a step in shadow, before it decides anything.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from kapagate.chain.order import HIGHER, ranked

BY_FLAG = 50
BY_SOURCES = (40, 15, 5)
BY_PHRASE_EARLY, BY_PHRASE_LATE = 50, 20
EARLY = 240


class Confidence(BaseModel):
    """What happens to answers that Kapa itself calls uncertain, or that seem so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uncertain: Annotated[Literal["allow", "disclaim", "withhold"], ranked("allow", "disclaim", "withhold")] = Field(
        "allow", description="`disclaim` appends the disclaimer, `withhold` says the `withheld` message instead."
    )
    below: Annotated[float | None, HIGHER] = Field(
        None,
        gt=0,
        le=1,
        description="Answers with a lower score are uncertain too, whatever Kapa says. The score is in the audit and "
        "in `kapagate_answer_confidence`; guards.md says how it comes about.",
    )


def score(uncertain: bool, sources: int, phrase: int | None) -> float:
    """`sources`: how many pages it names. `phrase`: where it first says that it does not know, None: it does not."""
    taken = BY_FLAG if uncertain else 0
    taken += BY_SOURCES[sources] if sources < len(BY_SOURCES) else 0
    if phrase is not None:
        taken += BY_PHRASE_EARLY if phrase < EARLY else BY_PHRASE_LATE
    return max(0, 100 - taken) / 100
