"""Answers that are none are told from those that are one, in eight languages, and wherever they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.guards.refusal_phrases import PHRASES, RefusalPhrases
from tests.guards.pieces import streamed

REFUSALS = {
    "en": [
        "I don't know the answer to that.",
        "I’m sorry, but I couldn’t find anything about it.",
        "The documentation does not explicitly mention this option.",
        "There is no information on pricing in the sources.",
        "This is not covered in the documentation.",
        "I do not have enough information to answer.",
        "I'm not sure whether that works.",
    ],
    "de": [
        "Das weiß ich leider nicht.",
        "Dazu konnte ich leider keine Angaben finden.",
        "Die Dokumentation enthält dazu keine Informationen.",
        "Ich kann diese Frage leider nicht beantworten.",
        "Ich bin mir nicht sicher.",
    ],
    "fr": ["Je ne sais pas.", "Je n’ai pas trouvé de réponse.", "La documentation ne mentionne pas cette option."],
    "es": ["No lo sé.", "Lo siento, pero no puedo ayudar.", "La documentación no menciona esta opción."],
    "it": ["Non lo so.", "Non ho trovato informazioni su questo.", "La documentazione non specifica il limite."],
    "nl": ["Dat weet ik niet.", "Ik kan hierover helaas geen antwoord vinden.", "Er is geen informatie beschikbaar."],
    "pt": ["Não sei.", "Não encontrei informações sobre isso.", "A documentação não menciona esta opção."],
    "pl": ["Nie wiem.", "Nie mam informacji na ten temat.", "Dokumentacja nie zawiera tej opcji."],
}
ANSWERS = [
    "Use the installer and restart the service. You do not have to know the address.",
    "The option is described in the documentation, and information about it is in the log.",
    "Nutzen Sie das Installationsprogramm. Es zeigt nicht an, was schon da ist.",
    "Utilisez le programme d’installation, puis redémarrez le service.",
    "No es necesario reiniciar. La documentación describe la opción.",
    "Non solo il servizio, anche il proxy va riavviato.",
    "Gebruik het installatieprogramma; meer informatie staat in de documentatie.",
    "Não é preciso reiniciar o serviço.",
    "Użyj instalatora, a potem uruchom usługę ponownie.",
]


def first(text: str, sizes: tuple[int, ...] = (10_000,)) -> int | None:
    rule, pieces, at = RefusalPhrases(), [], 0
    while at < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[at : at + size])
        at += size
    streamed(rule, pieces)
    return rule.first


def test_there_are_refusals_of_every_language() -> None:
    assert REFUSALS.keys() == PHRASES.keys()


@pytest.mark.parametrize("text", [each for texts in REFUSALS.values() for each in texts])
def test_what_is_no_answer_is_noticed(text: str) -> None:
    assert first(text) is not None
    assert first(text.upper().replace("SS", "ß") if "ß" in text else text.upper()) is not None
    assert not RefusalPhrases().clean([text])


@pytest.mark.parametrize("text", ANSWERS)
def test_answers_are_not_taken_for_refusals(text: str) -> None:
    assert first(text) is None
    assert RefusalPhrases().clean([text])


@given(
    st.lists(
        st.sampled_from([*ANSWERS, *(each[0] for each in REFUSALS.values()), "é" * 150, "mano sé", "x" * 99]),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_the_place_does_not_depend_on_the_cuts(parts: list[str], sizes: list[int]) -> None:
    text = " ".join(parts)
    assert first(text, tuple(sizes)) == first(text)


def test_the_place_counts_characters_from_the_begin() -> None:
    assert first("é" * 300 + " I don't know that.") == 301
