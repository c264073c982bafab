"""Every kind of problem that a policy can have, with its stable code. `docs/errors.md` has a section for each."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

_PAGE = "docs/errors.md"
_NO_PART_OF_AN_ANCHOR = re.compile(r"[^a-z0-9 _-]")


class Code(Struct, frozen=True):
    """`name` never changes once it was released; `title` says in one line what it stands for."""

    name: str
    title: str
    severity: Literal["error", "warning"] = "error"

    @property
    def page(self) -> str:
        """Its section in the documentation, with the anchor that the heading gets there."""
        heading = _NO_PART_OF_AN_ANCHOR.sub("", f"{self.name} {self.title}".lower())
        return f"{_PAGE}#{heading.replace(' ', '-')}"


UNREADABLE = Code("KG101", "A file or directory cannot be read")
TOO_LARGE = Code("KG102", "A file is too large")
NOT_TEXT = Code("KG103", "A file is not UTF-8 text")
MALFORMED = Code("KG104", "A file is not YAML")
TOO_DEEP = Code("KG105", "Values are nested too deep")
ALIASES = Code("KG106", "Aliases go in circles or multiply without bound")
TAG = Code("KG107", "A tag stands where plain values belong")
MERGE_KEY = Code("KG108", "A merge key is used")
DUPLICATE_KEY = Code("KG109", "A key stands twice in one mapping")
KEY_NOT_TEXT = Code("KG110", "A key is not text")
EMPTY = Code("KG111", "A file holds no document")
NOT_A_MAPPING = Code("KG112", "A document is not a mapping")
NO_FILES = Code("KG113", "There is no policy file")

API_VERSION = Code("KG201", "The document's apiVersion is missing or unknown")
KIND = Code("KG202", "The document's kind is missing or unknown")
REPEATED_DOCUMENT = Code("KG203", "Two documents claim the same place")
NO_GATEWAY = Code("KG204", "There is no Gateway document")
MISSING = Code("KG210", "A required field is missing")
WRONG_TYPE = Code("KG211", "A value has the wrong type")
UNACCEPTABLE = Code("KG212", "A value is out of range or badly formed")
NOT_A_CHOICE = Code("KG213", "A value is none of those allowed")
UNKNOWN_FIELD = Code("KG214", "A field is unknown")
MISPLACED_FIELD = Code("KG215", "A field stands at the wrong level")
CLEAR_SECRET = Code("KG216", "A secret is written in clear")
STEP_SHAPE = Code("KG217", "A step does not name exactly one filter")
UNKNOWN_NAME = Code("KG218", "A filter, scheme or upstream type is unknown")

UNKNOWN_STEP = Code("KG301", "No step has this id")
REPEATED_STEP = Code("KG302", "Two steps have the same id")
LOCKED = Code("KG303", "A layer loosens a locked step")
STEP_OPTION = Code("KG304", "A filter does not take this mode or on_error")
UNKNOWN_ROLE = Code("KG305", "No role has this name")
UNKNOWN_PERMISSION = Code("KG306", "No such permission exists")
UNKNOWN_ROUTE = Code("KG307", "No route or operation has this name")
UNKNOWN_UPSTREAM = Code("KG308", "No upstream has this name")
UNKNOWN_TENANT = Code("KG309", "No tenant has this name")
UNIDENTIFIED = Code("KG310", "A route leads to an upstream without identification")
AMBIGUOUS_ROUTES = Code("KG311", "Two routes can match the same request")
ROUTE_SHAPE = Code("KG312", "A route cannot be understood")
UNKNOWN_ENDPOINT = Code("KG313", "The gateway serves no such endpoint")
ROLE_CYCLE = Code("KG314", "Roles include each other in a circle")
UNWORKABLE = Code("KG315", "A declaration is well formed but cannot work")
NO_ACCOUNT = Code("KG316", "A tenant has no project or key at an upstream")
REPEATED_ROUTE = Code("KG317", "Two routes have the same name")
UNKNOWN_ENVIRONMENT = Code("KG318", "No environment has this name")
CONTRADICTED = Code("KG319", "An example is not what it is said to be")
MISFIT = Code("KG330", "A step cannot do its work where it stands")
TOO_MANY_SERIES = Code("KG331", "The policy could come to too many series of metrics")
UNDECIDED = Code("KG332", "A step that asks another machine does not say what its failure means")
SHARED_PROJECT = Code("KG350", "Tenants share a Kapa project", "warning")
UNLIMITED = Code("KG351", "Nothing limits how often a route may be asked", "warning")
IDLE_LIMIT = Code("KG352", "A limit can never bind", "warning")
UNUSED = Code("KG353", "Something is declared that nothing uses", "warning")
UNREACHABLE = Code("KG354", "No role may ask for a route", "warning")
EXPIRING = Code("KG355", "An exception expires within 14 days", "warning")
LAPSED = Code("KG356", "An exception has expired", "warning")

BAD_REFERENCE = Code("KG401", "A reference is badly formed")
REFERENCE_KIND = Code("KG402", "A reference is of an unknown kind")
UNRESOLVED = Code("KG403", "A reference cannot be resolved")
OUT_OF_SCOPE = Code("KG404", "A tenant's reference lies outside its scope")
INCLUSION = Code("KG405", "Files stand for each other in a circle or too deep")

UNKNOWN_CALLER = Code("KG501", "A policy test has no caller of this name")
REPEATED_CASE = Code("KG502", "Two cases of a policy test have the same name")
CALL_SHAPE = Code("KG503", "A call of a policy test cannot be understood")

CODES: tuple[Code, ...] = tuple(sorted((c for c in globals().values() if isinstance(c, Code)), key=lambda c: c.name))
