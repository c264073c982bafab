"""What users are told in the gateway's own words: by language, from the policy, with words of ours where it says none.

The language is the caller's (`kapagate.identity.language`), not the answer's: nobody here reads what language an
answer is in. A text alone is for everybody; in a mapping by language what is missing is ours, and who speaks none of
its languages gets English, or the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

Message = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,8}$")]
Messages = Message | Annotated[dict[Language, Message], Field(min_length=1, max_length=100)]
"""A text, or texts by the primary tags of languages (`de`)."""

WITHHELD: Mapping[str, str] = {
    "en": "This answer cannot be shown. Please ask your support team.",
    "de": "Diese Antwort kann nicht angezeigt werden. Bitte wenden Sie sich an Ihr Support-Team.",
    "fr": "Cette réponse ne peut pas être affichée. Veuillez vous adresser à votre équipe d’assistance.",
    "es": "Esta respuesta no se puede mostrar. Por favor, consulte a su equipo de soporte.",
}
DISCLAIMER: Mapping[str, str] = {
    "en": "This answer may be incomplete. Please check it against the documentation.",
    "de": "Diese Antwort ist möglicherweise unvollständig. Bitte prüfen Sie sie anhand der Dokumentation.",
    "fr": "Cette réponse est peut-être incomplète. Veuillez la vérifier dans la documentation.",
    "es": "Es posible que esta respuesta esté incompleta. Por favor, compruébela en la documentación.",
}
CUT: Mapping[str, str] = {
    "en": " […] (shortened)",
    "de": " […] (gekürzt)",
    "fr": " […] (abrégé)",
    "es": " […] (abreviado)",
}
ENGLISH = "en"
NONE: Mapping[str, str] = {}


def languages_of(messages: Messages, ours: Mapping[str, str] = NONE) -> frozenset[str]:
    """The languages in which there are words; none where all are told the same."""
    return frozenset() if isinstance(messages, str) else frozenset(ours.keys() | messages.keys())


def spoken(messages: Messages, language: str, ours: Mapping[str, str] = NONE) -> str:
    """What somebody is told who speaks this language."""
    if isinstance(messages, str):
        return messages
    texts = {**ours, **messages}
    return texts.get(language) or texts.get(ENGLISH) or next(iter(texts.values()))
