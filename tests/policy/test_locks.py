"""No layer loosens what is locked: random overlays, judged by a second, simple judge that knows nothing of orders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapagate.policy.load import Layers, Loaded
from kapagate.remote.references import References
from kapagate.run import offline
from tests.policy.test_exceptions import EXCEPTION

GATEWAY: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "diffs" / "pairs.yaml").read_text())["before"]
PII = ["allow", "redact", "refuse"]
UNCERTAIN = ["allow", "disclaim", "withhold"]
ASK = {"max_length": 4000, "pii": "redact", "blocked_terms": ["alpha", "beta"]}
ANSWER = {"pii": "redact", "max_response_length": 8000, "min": 2, "uncertain": "disclaim", "code": "allow"}
CHANGES = st.lists(
    st.one_of(
        st.builds(lambda n: ("ask", {"max_length": n}), st.sampled_from([None, 1, 3999, 4000, 4001])),
        st.builds(lambda v: ("ask", {"pii": v}), st.sampled_from(PII)),
        st.builds(
            lambda v: ("ask", {"blocked_terms": v}), st.lists(st.sampled_from(["alpha", "beta", "gamma"]), unique=True)
        ),
        st.builds(lambda n: ("answer", {"max_response_length": n}), st.sampled_from([None, 1, 7999, 8000, 8001])),
        st.builds(lambda v: ("answer", {"pii": v}), st.sampled_from(PII)),
        st.builds(lambda v: ("answer", {"code": v}), st.sampled_from(["allow", "remove"])),
        st.builds(lambda n: ("answer", {"sources": {"min": n}}), st.integers(0, 4)),
        st.builds(lambda v: ("answer", {"confidence": {"uncertain": v}}), st.sampled_from(UNCERTAIN)),
        st.builds(lambda v: ("mode", v), st.sampled_from(["enforce", "shadow", "off"])),
        st.builds(lambda v: ("on_error", v), st.sampled_from(["deny", "allow"])),
        st.just(("remove", "answer")),
        st.just(("add", "before")),
        st.just(("add", "after")),
    ),
    max_size=4,
)


def written(changes: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for index, (what, value) in enumerate(changes):
        if what in ("mode", "on_error"):
            found.append({"at": "ask", what: value})
        elif what == "remove":
            found.append({"remove": value})
        elif what == "add":
            found.append({"add": {"guard_answer": {"pii": "refuse"}, "id": f"own-{index}"}, value: "answer"})
        else:
            found.append({"at": what, "set": value})
    return found


def loaded(folder: Path, layer: str, lock: str, changes: list[tuple[str, Any]], exceptions: str = "") -> Loaded:
    text = str(GATEWAY).replace("    id: ask\n", f"    id: ask\n    locked: {lock}\n")
    text = text.replace("    id: answer\n", f"    id: answer\n    locked: {lock}\n")
    text = text.replace("stream: window", "stream: window, agent_session: unguarded")
    steps = yaml.safe_dump({"chain": written(changes)})
    if layer == "Tenant":
        text += steps + exceptions
    else:
        text += f"---\napiVersion: kapagate.dev/v1\nkind: Environment\nname: here\n{steps}"
    path = folder / "policy.yaml"
    path.write_text(text)
    known = References({"PEPPER": "p" * 40, "KG_ACME_KEY": "k" * 40})
    return offline([path], known, Layers("here" if layer == "Environment" else None, lambda: 1.0))


def looser(policy: Loaded) -> list[str]:
    """What acme's steps let through that the gateway's would not. Written without the orders of the options."""
    assert policy.generation is not None
    steps = (policy.generation.tenants["acme"].steps or policy.generation.steps).chain
    by_id = {step.id: step for step in steps}
    found = [f"{name} is gone" for name in ("ask", "answer") if name not in by_id]
    order = [step.id for step in steps]
    found += [
        f"{name} stands before"
        for name in order
        if name.startswith("own") and order[-1] != name and "answer" in order[order.index(name) :]
    ]
    for name in {"ask", "answer"} & by_id.keys():
        options = by_id[name].options
        found += [f"{name} {options.mode}"] if options.mode != "enforce" else []
        found += [f"{name} fails open"] if options.on_error == "allow" else []
    if found:
        return found
    ask: Any = by_id["ask"].declaration
    answer: Any = by_id["answer"].declaration
    checks = {
        "question length": (ask.max_length or 10**9) <= 4000,
        "question pii": ask.pii != "allow",
        "question terms": {"alpha", "beta"} <= set(ask.blocked_terms),
        "answer pii": answer.pii != "allow",
        "answer length": (answer.max_response_length or 10**9) <= 8000,
        "sources": answer.sources.min >= 2,
        "uncertain": answer.confidence.uncertain != "allow",
    }
    return [name for name, good in checks.items() if not good]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("locks")


RANDOM = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RANDOM
@given(changes=CHANGES, layer=st.sampled_from([("Tenant", "true"), ("Tenant", "all"), ("Environment", "all")]))
def test_no_overlay_is_looser_than_its_locks_allow(
    folder: Path, changes: list[tuple[str, Any]], layer: tuple[str, str]
) -> None:
    policy = loaded(folder, *layer, changes)
    if policy.ok:
        assert looser(policy) == []
    else:
        assert {each.code.name for each in policy.diagnostics if each.is_error} <= {"KG303", "KG301", "KG302", "KG315"}


@RANDOM
@given(changes=CHANGES, active=st.booleans())
def test_an_exception_loosens_its_own_option_and_only_until_it_expires(
    folder: Path, changes: list[tuple[str, Any]], active: bool
) -> None:
    expiry = "2030-01-01T00:00:00Z" if active else "1970-01-01T00:00:01Z"
    policy = loaded(folder, "Tenant", "true", changes, EXCEPTION.replace("1970-03-01T00:00:00Z", expiry))
    if policy.ok:
        assert looser(policy) == (["question length"] if active else [])


def test_tightening_a_locked_step_is_allowed(folder: Path) -> None:
    assert loaded(folder, "Tenant", "true", [("ask", {"max_length": 10}), ("answer", {"pii": "refuse"})]).ok


@pytest.mark.parametrize("layer", ["Tenant", "Environment"])
def test_locked_true_binds_tenants_only(folder: Path, layer: str) -> None:
    policy = loaded(folder, layer, "true", [("ask", {"max_length": 5000})])
    assert policy.ok == (layer == "Environment")


Load = Callable[..., Loaded]


def test_an_option_without_an_order_cannot_be_overlaid_on_a_locked_step(load: Load, good: str, acme: str) -> None:
    assert good.count("    id: answer\n") == 1
    policy = load(good.replace("    id: answer\n", "    id: answer\n    locked: true\n"), acme)
    (found,) = [each for each in policy.diagnostics if each.code.name == "KG303"]
    assert "cannot be compared" in found.message
    assert (found.span.line, found.span.column) == (7, 30)
