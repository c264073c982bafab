"""What an operation is: its address, who may call it, what a request may say, what an answer shows, where ids stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from kapagate.answer.codec import Codec
from kapagate.answer.events import Place
from kapagate.chain.route import Route, Surface
from kapagate.kapa.fields import Shape

TENANT_PREFIX: Final = "/t/{tenant}"
CHAT_SHOWS: Final[frozenset[Surface]] = frozenset(
    {"question", "answer text", "running text", "sources", "uncertainty", "whole answer"}
)
QUESTION: Final = (Place(("query",), "question"),)
COMMENT: Final = (Place(("comment",), "comment"), Place(("comment", "issue"), "comment"))
"""Where the texts of a question and of a feedback stand."""
_WHOLE: Final[frozenset[Surface]] = frozenset({"whole answer"})


class Id(NamedTuple):
    """Where an id of a thread, an answer or an end user stands.

    `part`: in the request's `path` or `body`; or in the answer, where it was `made` by this very call or is `shown` of
    what was there before. `path`: the parameter's name, or keys from the root; None stands for every item of a list.
    """

    part: Literal["path", "body", "made", "shown"]
    path: tuple[str | None, ...]
    what: Literal["thread", "answer", "end_user"]


MADE: Final = (Id("made", ("thread_id",), "thread"), Id("made", ("question_answer_id",), "answer"))
"""The ids that a chat makes."""


class Operation(Struct, frozen=True, eq=False, kw_only=True):
    """One operation. `template` is the client's path; Kapa's is the same unless the operation is the gateway's own.

    `fields` are those of the body, of a GET those of the query, that may pass; `required` the one that must be there;
    `bare`: a request may also have no body at all. `item` is the path's parameter beside the project, a UUID.

    What is forced: `scoped`: source groups; `attributed`: integration and user; `subject`: the field that carries the
    caller's pseudonym; `filtered`: the parameter that narrows to the tenant's integration.

    `streams`: the answer is, or may be, a stream of records. `codec` makes the reader of an answer; None: nobody has
    anything to read in it. `paged`: the answer links to other pages. `evades`: what it opens passes no guard.
    `deprecated`: it is there only where the policy lists it. `ours`: said in the gateway's own words, it becomes
    another. `ids`: what ownership has to know.
    """

    name: str
    template: str
    permission: str
    method: Literal["GET", "POST"] = "POST"
    fields: Mapping[str, Shape]
    required: str = ""
    bare: bool = False
    item: str = ""
    texts: tuple[Place, ...] = ()
    shows: frozenset[Surface] = frozenset()
    scoped: bool = False
    attributed: bool = False
    subject: str = ""
    filtered: str = ""
    streams: bool = False
    codec: Callable[[], Codec] | None = None
    paged: bool = False
    evades: bool = False
    deprecated: bool = False
    ours: bool = False
    ids: tuple[Id, ...] = ()

    def route(self, held: bool, unguarded: bool = False) -> Route:
        """Its route. `held`: streams are held to their end, so that even that is within a guard's reach. `unguarded`:
        the policy says that it knows what the operation evades.
        """
        hides = _WHOLE if self.streams and not held else frozenset[Surface]()
        return Route(
            name=f"kapa.{self.name}",
            methods=frozenset({self.method}),
            template=self.template,
            permission=self.permission,
            operation=self.name,
            texts=self.texts,
            shows=self.shows - hides,
            hides=hides,
            idempotent=self.method == "GET" and not self.ours,
            aliases=(TENANT_PREFIX + self.template,),
            asks_by_query=self.method == "GET",
            evades=self.evades and not unguarded,
        )
