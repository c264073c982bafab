"""What became of a call, in the steps' own words: for whoever asks why an expectation was not met."""

from __future__ import annotations

from kapagate.chain import problems
from kapagate.ledger.record import verdicts_of
from kapagate.policytest.play import Told


def story_of(told: Told) -> str:
    """A line for the call, and one for each step that did anything but pass."""
    target, problem = told.target, told.problem
    lines = [f"{target.method} {target.address}: {told.outcome}, {told.status}"]
    if problem is not None:
        bug = problem.__cause__ if problem.kind is problems.INTERNAL else None
        said = f" ({bug!r})" if bug is not None else f" ({problem.detail})" if problem.detail else ""
        lines[0] += f" {problem.kind.name} by {problem.step or 'the gateway'}{said}"
    passed = [step for step, decision in told.decisions.items() if decision == "passed"]
    if passed:
        lines.append(f"passed: {', '.join(passed)}")
    verdicts = verdicts_of(told.exchange) if told.exchange is not None else {}
    for step, decision in told.decisions.items():
        if decision != "passed":
            lines.append(f"{step}: {decision}{_details(verdicts.get(step, {}))}")
    return "\n".join(lines)


def _details(verdict: dict[str, object]) -> str:
    """The reason, and what was found how often."""
    said = [str(verdict["reason"])] if verdict.get("reason") else []
    for name in ("counts", "edits", "would_edit", "would_refuse"):
        counts = verdict.get(name)
        if isinstance(counts, dict):
            said += [f"{kind} {number}" for kind, number in counts.items()]
    if verdict.get("mode") == "shadow":
        said.append("shadow")
    return f" ({', '.join(said)})" if said else ""
