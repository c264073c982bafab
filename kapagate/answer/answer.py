"""What has been said so far: the answer as rules at its end see it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from kapagate.answer.events import Event, Failure, Identifiers, Sources, Text, Uncertain


class Answer(Struct):
    """Kept from the events that were let through. `characters` counts the delivered running text."""

    characters: int = 0
    sources: list[Any] = field(default_factory=list)
    uncertain: bool | None = None
    identifiers: dict[str, Any] | None = None
    failure: str | None = None

    def tell(self, event: Event) -> None:
        """Take note of an event that is delivered."""
        if isinstance(event, Text):
            self.characters += len(event.text)
        elif isinstance(event, Sources):
            self.sources.extend(event.value)
        elif isinstance(event, Uncertain):
            self.uncertain = bool(self.uncertain) or event.value
        elif isinstance(event, Identifiers):
            self.identifiers = event.value
        elif isinstance(event, Failure):
            self.failure = event.value
