"""Makes an answer out of the corpus: the same question gets the same words."""

from __future__ import annotations

from msgspec import Struct

from kapagate.standin.corpus import Chunk, search
from kapagate.standin.directives import Faults
from kapagate.standin.specimens import quote_specimens

_CITED = 3
_UNCERTAIN = "I am not sure: the documentation does not answer this directly."
_OUTLOOK = "If this does not solve it, the console shows the state of every node and the last errors under Diagnostics."


class Source(Struct, frozen=True):
    source_url: str
    title: str

    def describe(self) -> dict[str, object]:
        return {"source_url": self.source_url, "title": self.title, "contains_internal_data": False}


class Answer(Struct, frozen=True, kw_only=True):
    """What a chat call returns. `note` is the text of a record of unknown type, where one is asked for."""

    text: str
    sources: tuple[Source, ...]
    is_uncertain: bool
    thread_id: str
    question_answer_id: str
    note: str

    def describe(self) -> dict[str, object]:
        return {
            "answer": self.text,
            "thread_id": self.thread_id,
            "question_answer_id": self.question_answer_id,
            "is_uncertain": self.is_uncertain,
            "relevant_sources": [source.describe() for source in self.sources],
        }


def compose(question: str, faults: Faults, *, thread_id: str, question_answer_id: str) -> Answer:
    chunks = search(question)[:_CITED]
    sources = () if faults.no_sources else tuple(Source(chunk.url, chunk.title) for chunk in chunks)
    return Answer(
        text=stretch(question if faults.echo else _write(chunks, faults), faults),
        sources=sources,
        is_uncertain=faults.uncertain,
        thread_id=thread_id,
        question_answer_id=question_answer_id,
        note=quote_specimens() if faults.pii else "Nothing in particular.",
    )


def stretch(text: str, faults: Faults) -> str:
    """The text with the specimens, where they are asked for, and as long as is asked for.

    The size is in bytes of UTF-8; a cut never splits a character, so the text may end up to three bytes short.
    """
    whole = f"{text}\n\n{quote_specimens()}" if faults.pii else text
    if faults.size is None:
        return whole
    whole = whole or _OUTLOOK
    filler = f"\n\n{_OUTLOOK}"
    missing = faults.size - len(whole.encode())
    whole += filler * max(0, -(-missing // len(filler)))
    return whole.encode()[: faults.size].decode("utf-8", "ignore")


def _write(chunks: list[Chunk], faults: Faults) -> str:
    best, second = chunks[0], chunks[1]
    opening = _UNCERTAIN if faults.uncertain else f"This is described under **{best.heading}**."
    parts = [opening, best.text] if faults.no_sources else [_cite(opening, best), best.text, _refer(second)]
    return "\n\n".join((*parts, _OUTLOOK))


def _cite(opening: str, chunk: Chunk) -> str:
    return f"{opening} See [{chunk.page_title}]({chunk.url})."


def _refer(chunk: Chunk) -> str:
    return f"Related: [{chunk.heading}]({chunk.url})."
