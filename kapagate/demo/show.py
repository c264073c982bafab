"""What the demo prints: scenes, audit rows, metrics, and how to go on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from kapagate.demo.scenes import Shown

_METRICS = ("http_requests_total", "kapa_queries_total", "kapagate_guard_edits_total")
_FINDINGS = ("counts", "edits", "would_edit", "would_refuse")
_ROW = "  {:>7}  {:<7} {:<15} {:<22} {:<6} {:<9} {}"


def coloured() -> bool:
    """Colour only on a terminal, and never against NO_COLOR (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if coloured() else text


def scene(number: int, shown: Shown) -> str:
    """A scene in two lines, and one more for each promise that was not kept."""
    status = paint(str(shown.status), "32" if shown.status < 400 else "33")
    lines = [f"{number:>3}  {status}  {shown.call}", f"          {paint(shown.story, '2')}"]
    lines += [f"          {paint('not as promised:', '31')} {promise}" for promise in shown.missed]
    return "\n".join(lines)


def audit(records: Iterable[Mapping[str, Any]]) -> str:
    """A row for each record of an exchange, in their order."""
    lines = [paint("The audit has a row for each:", "1")]
    lines.append(_ROW.format("ms", "tenant", "subject", "operation", "status", "outcome", "steps that did something"))
    for record in records:
        if "verdicts" not in record:
            continue
        acted = [_acted(step, verdict) for step, verdict in record["verdicts"].items() if _did(verdict)]
        lines.append(
            _ROW.format(
                f"{record['duration_ms'] or 0:.1f}",
                record["tenant"],
                record["subject"] or "-",
                record["operation"],
                record["status"],
                record["outcome"],
                ", ".join(acted),
            ).rstrip()
        )
    return "\n".join(lines)


def _did(verdict: Mapping[str, Any]) -> bool:
    return verdict["outcome"] not in ("passed", "skipped") or any(verdict.get(name) for name in _FINDINGS)


def _acted(step: str, verdict: Mapping[str, Any]) -> str:
    found = {kind: number for name in _FINDINGS for kind, number in verdict.get(name, {}).items()}
    would = " (would)" if verdict.get("mode") == "shadow" or verdict.get("answer") == "shadow" else ""
    return f"{step}{would} {' '.join(f'{kind}:{number}' for kind, number in found.items()) or verdict['outcome']}"


def metrics(text: str) -> str:
    """One series of each of three families."""
    lines = [paint("Prometheus finds, among others:", "1")]
    for family in _METRICS:
        lines += [f"  {line}" for line in text.splitlines() if line.startswith(f"{family}{{")][:1]
    return "\n".join(lines)


def how_to_go_on(data_url: str, probe_url: str, token: str) -> str:
    """Lines to paste into a shell."""
    question = """'{"query": "Whom do I call? [[pii]]"}'"""
    return "\n".join(
        [
            paint("The gateway goes on serving. In another shell:", "1"),
            f"export GATEWAY={data_url}",
            f"export TOKEN={token}",
            f'curl -s "$GATEWAY/api/kapa/query" -H "Authorization: Bearer $TOKEN" -d {question}',
            f"Metrics: {probe_url}/metrics    Ctrl-C ends it.",
        ]
    )
