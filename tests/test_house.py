"""The rules of the house, read from the source: floors, mirrors, names, lengths, declarations.

A rule about files that are not there yet holds; it bites with the first file.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "kapagate"

LONGEST_FILE = 380
LONGEST_FUNCTION = 60
NAMES_WITHOUT_A_SUBJECT = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "base"}

# ---------------------------------------------------------------------------------------------------------------------
# Floors
# ---------------------------------------------------------------------------------------------------------------------

SOCKETS = {
    *("socket", "ssl", "select", "selectors", "socketserver", "http.client", "http.server", "urllib.request"),
    *("asyncio.open_connection", "asyncio.start_server", "asyncio.open_unix_connection", "asyncio.start_unix_server"),
    *("asyncio.Protocol", "asyncio.Transport", "asyncio.StreamReader", "asyncio.StreamWriter"),
}
CLOCKS = {
    *("time", "sched", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
    "datetime.date.today",
}
CHANCE = {"random", "secrets", "os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4"}
SURROUNDINGS = {"os.environ", "os.environb", "os.getenv", "os.putenv", "subprocess", "multiprocessing"}
IMPURE = SOCKETS | CLOCKS | CHANCE | SURROUNDINGS

WORDS = {"answer", "chain"}
THINKING = {"identity", "access", "traffic", "guards", "kapa", "ledger"}
BACK_ENDS = {"stores", "remote", "telemetry", "machine"}
DECLARATIONS = {"filters", "schemes", "upstreams"}
ANSWERING = {"web", "jobs"}
STANDING_ALONE = {"policy", "policytest", "proxy", "standin", "demo", "cli", "run", "reload", "offers"}
EVERYTHING = WORDS | THINKING | BACK_ENDS | DECLARATIONS | ANSWERING | STANDING_ALONE
EVERYWHERE = {"msgspec"}


@dataclass(frozen=True)
class Room:
    """What a room may import of ours and of others, and the modules or names that it may not touch."""

    floor: int
    rooms: set[str]
    libraries: set[str] | None  # None: any
    forbidden: set[str]


def thinking(*libraries: str) -> Room:
    return Room(1, WORDS, {"orjson", *libraries}, IMPURE)


def back_end(*libraries: str) -> Room:
    return Room(2, WORDS | THINKING, {"orjson", *libraries}, set())


DECLARING = Room(3, WORDS | THINKING, {"orjson", "pydantic", "pydantic_core"}, IMPURE)

HOUSE = {
    "answer": Room(0, set(), {"orjson"}, IMPURE),
    "chain": Room(0, {"answer"}, {"orjson", "pydantic", "pydantic_core"}, IMPURE),
    "identity": thinking("cryptography", "jwt"),
    "access": thinking("pydantic"),
    "traffic": thinking("pydantic"),
    "guards": thinking("phonenumbers", "pydantic", "re2"),
    "kapa": thinking(),
    "ledger": thinking(),
    "stores": back_end(),
    "remote": back_end("aiohttp", "watchfiles", "yarl"),
    "telemetry": back_end("prometheus_client", "structlog"),
    "machine": back_end(),
    "filters": DECLARING,
    "schemes": DECLARING,
    "upstreams": DECLARING,
    "policy": Room(
        4, WORDS | THINKING | DECLARATIONS, {"orjson", "pydantic", "pydantic_core", "yaml"}, SOCKETS | SURROUNDINGS
    ),
    "policytest": Room(
        5,
        WORDS | THINKING | BACK_ENDS | DECLARATIONS | {"policy"},
        {"cryptography", "jwt", "orjson", "pydantic"},
        IMPURE,
    ),
    "proxy": Room(
        5, WORDS | THINKING, {"aiohappyeyeballs", "aiohttp", "httptools", "multidict", "orjson", "yarl"}, set()
    ),
    "web": Room(
        6, WORDS | THINKING | {"policy"}, {"aiohttp", "aiohttp_cors", "multidict", "orjson", "pydantic", "yarl"}, set()
    ),
    "jobs": Room(6, WORDS | THINKING | {"policy"}, {"orjson"}, set()),
    "demo": Room(7, EVERYTHING, None, set()),
    "cli": Room(7, EVERYTHING, None, set()),
    "run": Room(7, EVERYTHING, None, set()),
    "reload": Room(7, EVERYTHING, None, set()),
    "offers": Room(7, EVERYTHING, None, set()),
    "__main__": Room(7, EVERYTHING, None, set()),
    "__init__": Room(0, set(), set(), IMPURE),
    "standin": Room(0, set(), None, set()),
}


def sources(folder: Path) -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in folder.rglob("*.py"))


def room_of(path: Path) -> str:
    """The room of `kapagate/<room>/...` or `kapagate/<room>.py`."""
    return path.parts[1].removesuffix(".py")


def names_touched(source: str, package: str) -> set[str]:
    """Every module and imported name that a source touches, dotted in full, wherever in the file it does.

    `os.environ["X"]`, `from os import environ` and `import os as o` with `o.environ` all give `os.environ`.
    """
    tree = ast.parse(source)
    imports = [binding for node in ast.walk(tree) for binding in bindings(node, package)]
    bound = {name: stands_for for name, stands_for, _ in imports}
    touched = {dotted for _, _, dotted in imports}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (parts := attribute_chain(node)) and parts[0] in bound:
            touched.add(".".join([bound[parts[0]], *parts[1:]]))
    return touched


def bindings(node: ast.AST, package: str) -> Iterator[tuple[str, str, str]]:
    """Of an import statement: the names it binds, what each stands for, and what it brings in."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.split(".", maxsplit=1)[0]
            yield (alias.asname, alias.name, alias.name) if alias.asname else (top, top, alias.name)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            yield alias.asname or alias.name, f"{module}.{alias.name}", f"{module}.{alias.name}"


def attribute_chain(node: ast.expr) -> list[str]:
    """`["os", "environ", "get"]` of `os.environ.get`; empty when it does not begin with a name."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (before := attribute_chain(node.value)):
        return [*before, node.attr]
    return []


def faults(room: Room, name: str, touched: set[str]) -> list[str]:
    """What a file of the room `name` touches that it may not."""
    found = []
    for dotted in sorted(touched):
        top, _, rest = dotted.partition(".")
        if top == "kapagate":
            other = rest.split(".", maxsplit=1)[0]
            if other not in {"", "__version__", name} | room.rooms:
                found.append(f"{dotted}: {name} may not import {other}")
        elif any(dotted == word or dotted.startswith(f"{word}.") for word in room.forbidden):
            found.append(f"{dotted}: {name} takes it as an argument or does without")
        elif top == "dataclasses":
            found.append(f"{dotted}: what holds data is a msgspec.Struct")
        elif (
            top not in sys.stdlib_module_names and room.libraries is not None and top not in room.libraries | EVERYWHERE
        ):
            found.append(f"{dotted}: {name} may not import {top}")
    return found


@pytest.mark.parametrize("path", sources(SOURCE), ids=str)
def test_imports_stay_on_lower_floors(path: Path) -> None:
    name = room_of(path)
    assert name in HOUSE, f"{name} is not a room of the house: give it a floor in {Path(__file__).name}"
    package = ".".join(path.parent.parts)
    assert faults(HOUSE[name], name, names_touched((ROOT / path).read_text(), package)) == []


@pytest.mark.parametrize("name", HOUSE)
def test_a_room_may_import_only_rooms_below_it(name: str) -> None:
    room = HOUSE[name]
    level = {other for other in room.rooms if HOUSE[other].floor >= room.floor}
    assert level <= ({"answer"} if name == "chain" else EVERYTHING if room.floor == 7 else set())


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("answer", "from kapagate.chain.fact import Fact"),
        ("answer", "import aiohttp"),
        ("chain", "import time"),
        ("chain", "def late():\n    from time import monotonic"),
        ("chain", "if TYPE_CHECKING:\n    from kapagate.identity.keys import KeySets"),
        ("chain", "import os\nos.environ['X']"),
        ("chain", "import os as system\nsystem.environ.get('X')"),
        ("chain", "from os import environ"),
        ("identity", "from datetime import datetime\ndatetime.now()"),
        ("identity", "import datetime as dt\ndt.datetime.now(dt.UTC)"),
        ("identity", "from kapagate import ledger"),
        ("guards", "import jwt"),
        ("kapa", "import urllib.request"),
        ("ledger", "from ..access import roles"),
        ("filters", "from kapagate.stores.memory import Buckets"),
        ("filters", "from kapagate.schemes import jwt"),
        ("policy", "import kapagate.remote.references"),
        ("proxy", "from kapagate.filters.rbac import Rbac"),
        ("web", "from kapagate.proxy.pool import Pool"),
        ("standin", "import kapagate.kapa.operations"),
        ("answer", "from dataclasses import dataclass"),
    ],
)
def test_the_floors_bite(room: str, source: str) -> None:
    assert faults(HOUSE[room], room, names_touched(source, f"kapagate.{room}"))


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("chain", "from kapagate.answer.events import Text\nimport os.path\nfrom pydantic import BaseModel"),
        ("chain", "from kapagate.chain.fact import Fact\nfrom .step import Step"),
        ("identity", "from datetime import datetime\ndatetime.fromtimestamp(0)\nimport jwt"),
        ("identity", "def lapse(time: float, datetime: float) -> float:\n    return time - datetime"),
        ("policy", "from kapagate.filters import rbac\nimport yaml"),
        ("run", "from kapagate.proxy.pool import Pool\nimport uvloop, os\nos.environ"),
        ("standin", "from aiohttp import web\nimport time"),
        ("answer", "from msgspec import Struct, field"),
    ],
)
def test_the_floors_carry_what_they_should(room: str, source: str) -> None:
    assert faults(HOUSE[room], room, names_touched(source, f"kapagate.{room}")) == []


# ---------------------------------------------------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------------------------------------------------


def mirrored() -> list[Path]:
    return [path for path in sources(SOURCE) if path.name not in {"__init__.py", "__main__.py"}]


@pytest.mark.parametrize("path", mirrored(), ids=str)
def test_every_source_file_has_its_test_file(path: Path) -> None:
    mirror = Path("tests", *path.parts[1:-1], f"test_{path.name}")
    assert (ROOT / mirror).is_file(), f"{path} has no {mirror}"


@pytest.mark.parametrize("path", [*sources(SOURCE), *sources(ROOT / "tests"), *sources(ROOT / "bench")], ids=str)
def test_every_file_is_named_after_its_subject(path: Path) -> None:
    words = {word for part in path.with_suffix("").parts for word in part.split("_")}
    assert not words & NAMES_WITHOUT_A_SUBJECT


@pytest.mark.parametrize("path", [*sources(SOURCE), *sources(ROOT / "bench")], ids=str)
def test_files_and_functions_stay_short(path: Path) -> None:
    source = (ROOT / path).read_text()
    assert len(source.splitlines()) <= LONGEST_FILE, f"{path} is longer than {LONGEST_FILE} lines"
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def packages() -> list[Path]:
    folders = {path.parent for path in sources(SOURCE)}
    return sorted(folders)


@pytest.mark.parametrize("package", packages(), ids=str)
def test_every_package_says_in_one_line_what_it_is(package: Path) -> None:
    opening = ROOT / package / "__init__.py"
    assert opening.is_file(), f"{package} has no __init__.py"
    docstring = ast.get_docstring(ast.parse(opening.read_text()))
    assert docstring, f"{package}/__init__.py has no docstring"
    _, _, theory = docstring.partition("\n")
    assert not theory or theory.startswith("\n"), f"{package} begins with more than one line"


# ---------------------------------------------------------------------------------------------------------------------
# Declarations: one name, six places
# ---------------------------------------------------------------------------------------------------------------------

DECLARED_BY = {
    "filters": "kapagate.chain.filter:Filter",
    "schemes": "kapagate.chain.scheme:Scheme",
    "upstreams": "kapagate.chain.upstream:UpstreamType",
}


def declarations(*rooms: str) -> list[str]:
    """`filters.rate_limit` for every file of the rooms."""
    files = [path for room in rooms for path in sources(SOURCE / room) if path.name != "__init__.py"]
    return [f"{room_of(path)}.{path.stem}" for path in files]


def models_in(name: str) -> list[type[BaseModel]]:
    """The models that the file itself defines."""
    module = importlib.import_module(f"kapagate.{name}")
    found = [thing for _, thing in inspect.getmembers(module, inspect.isclass) if thing.__module__ == module.__name__]
    return [thing for thing in found if issubclass(thing, BaseModel)]


def declared_in(name: str) -> list[type[BaseModel]]:
    """The filters (schemes, upstream types) that the file defines."""
    module, _, attribute = DECLARED_BY[name.split(".", maxsplit=1)[0]].partition(":")
    kind = getattr(importlib.import_module(module), attribute)
    return [model for model in models_in(name) if issubclass(model, kind)]


def keys_of(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (str(key) for key in node)
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from keys_of(child)


@pytest.mark.parametrize("name", declarations(*DECLARED_BY))
def test_every_declaration_file_holds_one_declaration_with_a_docstring(name: str) -> None:
    declared = declared_in(name)
    assert len(declared) == 1, f"kapagate.{name} defines {[model.__name__ for model in declared]}, not one"
    assert (declared[0].__dict__.get("__doc__") or "").strip(), f"{declared[0].__name__} has no docstring"


@pytest.mark.parametrize("name", declarations(*DECLARED_BY))
def test_every_option_has_a_description(name: str) -> None:
    bare = [
        f"{m.__name__}.{field}"
        for m in models_in(name)
        for field, info in m.model_fields.items()
        if not info.description
    ]
    assert bare == []


@pytest.mark.parametrize("name", declarations("filters", "schemes"))
def test_every_filter_and_scheme_is_in_the_reference(name: str) -> None:
    word = re.escape(name.rpartition(".")[2])
    reference = (ROOT / "docs" / "reference.md").read_text()
    assert re.search(rf"^[#|].*\b{word}\b", reference, re.MULTILINE), f"docs/reference.md has no row or heading {word}"


@pytest.mark.parametrize("name", declarations("filters", "schemes"))
def test_every_filter_and_scheme_is_in_an_example_policy(name: str) -> None:
    files = [path for path in (ROOT / "policies").rglob("*") if path.suffix in {".yaml", ".yml"}]
    used = {key for path in files for key in keys_of(list(yaml.safe_load_all(path.read_text())))}
    assert name.rpartition(".")[2] in used


# ---------------------------------------------------------------------------------------------------------------------
# Locks
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_locks_hold_pins_and_hashes_and_nothing_else(path: Path) -> None:
    text = path.read_text()
    for requirement in text.replace("\\\n", " ").splitlines():
        assert re.fullmatch(r"[a-z0-9.-]+==\S+( ; [^#@]+?)?( +--hash=sha256:[0-9a-f]{64})+\s*", requirement)


def test_both_environments_run_the_same_versions() -> None:
    pins = {
        name: set(re.findall(r"^([a-z0-9.-]+==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("run.txt", "test.txt")
    }
    assert pins["run.txt"] <= pins["test.txt"]
