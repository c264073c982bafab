"""Phrases by which an answer says that it is none: it does not know, has found nothing, cannot help.

In English, German, French, Spanish, Italian, Dutch, Portuguese and Polish. The rule only takes note, and holds nothing
back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from kapagate.answer.events import TextKind
from kapagate.answer.rules import Edit
from kapagate.guards.regex import Regex, words_regex

PHRASES = {
    "en": (
        r"i (?:do not|don['’]t) (?:know|have (?:\pL+ ){0,2}(?:information|context|details|data|access))",
        r"i (?:could not|couldn['’]t|cannot|can['’]t|was not able to|wasn['’]t able to|am unable to|am not able to) "
        r"(?:find|answer|locate|help|provide|determine|verify|assist|confirm)",
        r"i['’]m (?:unable|not able) to (?:find|answer|locate|help|provide|determine|verify|assist|confirm)",
        r"i(?: am|['’]m) (?:sorry|afraid),? (?:but )?(?:i|there|the|that|this|your)",
        r"i(?: am|['’]m) not (?:sure|certain)",
        r"not (?:mentioned|covered|documented|described|specified) in (?:the|our|my)",
        r"(?:documentation|docs|sources|context|knowledge base) (?:does not|doesn['’]t|do not|don['’]t) (?:\pL+ )?"
        r"(?:mention|cover|contain|say|include|describe|specify|provide|address)",
        r"(?:there is|there['’]s|i have|i found) no (?:\pL+ )?(?:mention|information|documentation)",
    ),
    "de": (
        r"(?:das )?wei(?:ß|ss) ich (?:leider )?nicht",
        r"ich wei(?:ß|ss) (?:es |das |leider )*nicht",
        r"(?:kann|konnte) ich (?:\pL+ ){0,3}(?:nicht|keine)",
        r"ich (?:kann|konnte) (?:\pL+ ){0,4}(?:nicht|keine) (?:\pL+ )?(?:finden|beantworten|helfen|sagen|bestätigen)",
        r"(?:keine|nicht genügend|nicht genug|nicht ausreichend) (?:\pL+ )?(?:informationen|angaben|hinweise)",
        r"(?:dokumentation|quellen|unterlagen) (?:enthält|enthalten|erwähnt|erwähnen|"
        r"beschreibt) (?:\pL+ ){0,2}(?:nicht|keine)",
        r"ich bin (?:mir )?(?:leider )?nicht sicher",
    ),
    "fr": (
        r"je ne (?:le )?sais pas",
        r"je n['’]ai pas (?:pu|trouvé|assez|suffisamment|d['’]informations?|accès)",
        r"je ne (?:peux|trouve|parviens|suis) pas (?:\pL+ ){0,3}(?:répondre|trouver|aider|mesure|"
        r"certaine?|sûre?|fournir)",
        r"(?:aucune|pas d['’]) ?informations?",
        r"(?:documentation|sources) ne (?:le )?(?:mentionne|contient|précise|décrit|couvre|mentionnent|"
        r"contiennent)(?:nt)? pas",
        r"pas (?:assez|suffisamment) d['’]informations?",
    ),
    "es": (
        r"no (?:lo )?sé",
        r"no (?:he podido|pude|puedo|logré|logro) (?:encontrar|responder|ayudar|proporcionar|determinar|confirmar)",
        r"no (?:tengo|dispongo de|hay|encontré|encuentro|he encontrado) (?:\pL+ )?informaci[oó]n",
        r"documentaci[oó]n no (?:lo )?(?:menciona|contiene|incluye|describe|especifica|cubre)",
        r"lo siento,? (?:pero )?no",
        r"no estoy segur[oa]",
    ),
    "it": (
        r"non (?:lo )?so",
        r"non (?:ho trovato|sono riuscit[oa] a|posso|riesco a) (?:\pL+ )?(?:trovare|rispondere|"
        r"aiutar\pL*|informazioni|fornire)",
        r"non (?:ho|ci sono|dispongo di) (?:\pL+ )?informazioni",
        r"documentazione non (?:lo )?(?:menziona|contiene|specifica|descrive|include)",
        r"non (?:ne )?sono sicur[oa]",
    ),
    "nl": (
        r"(?:ik weet|dat weet ik) (?:het |dat |helaas )*niet",
        r"(?:ik kan|ik kon|kan ik|kon ik) (?:\pL+ ){0,3}(?:geen|niet)",
        r"(?:geen|niet genoeg|onvoldoende) (?:\pL+ )?informatie",
        r"documentatie (?:vermeldt|bevat|beschrijft) (?:\pL+ ){0,2}(?:geen|niet)",
        r"ik weet (?:\pL+ )?niet zeker|ik ben (?:er )?niet zeker",
    ),
    "pt": (
        r"não (?:o )?sei",
        r"não (?:encontrei|consegui|posso|consigo) (?:\pL+ )?(?:encontrar|responder|ajudar|informaç\pL+|"
        r"fornecer|determinar)",
        r"não (?:tenho|há|disponho de) (?:\pL+ )?informaç(?:ão|ões)",
        r"documentação não (?:o )?(?:menciona|contém|descreve|especifica|inclui)",
        r"não tenho certeza",
    ),
    "pl": (
        r"(?:tego )?nie wiem",
        r"nie (?:znalazłem|znalazłam|mogę|udało mi się|jestem w stanie) (?:\pL+ )?(?:znaleźć|"
        r"odpowiedzieć|pomóc|informacji|podać)",
        r"(?:brak|nie mam|nie ma) (?:\pL+ )?informacji",
        r"dokumentacja nie (?:zawiera|opisuje|wspomina|określa)",
        r"nie jestem pew(?:ien|na)",
    ),
}
CONTEXT = 160


@cache
def compile_phrases() -> Regex:
    """All of them in one pattern. Takes 19 ms, so it is for policies that ask for it, when they are loaded."""
    return words_regex(rf"[^\pL](?:{'|'.join(each for said in PHRASES.values() for each in said)})[^\pL]")


class RefusalPhrases:
    """The text rule (`kapagate.answer.rules.TextRule`) that notes where one answer first says such a thing: `first`, in
    characters from its begin; None where it does not.
    """

    __slots__ = ("_phrase", "_read", "context", "first", "kinds", "reach")

    def __init__(self) -> None:
        self.first: int | None = None
        self._phrase = compile_phrases()
        self._read = 0
        self.reach = 0
        self.context = CONTEXT
        self.kinds: frozenset[TextKind] = frozenset({"answer"})

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        if self.first is None:
            base = max(0, start - CONTEXT)
            at = self._read - (start - base)
            data = _padded(text[base:], " " * (not at), " " * final)
            found = self._phrase.search(data)
            if found is not None:
                before = data[: found.span()[0]].decode("utf-8", "surrogatepass")
                self.first = at + len(before) + bool(at)
        self._read += len(text) - start
        return (), len(text)

    def clean(self, texts: Sequence[str]) -> bool:
        return not any(self._phrase.search(_padded(text, " ", " ")) for text in texts)


def _padded(text: str, before: str, behind: str) -> bytes:
    """With blanks at the ends that a text has: a phrase stands between what is no letter."""
    return f"{before}{text}{behind}".encode("utf-8", "surrogatepass")
