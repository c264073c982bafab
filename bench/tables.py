"""Figures as rows, and rows as a person reads them: on a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.budgets import Budget, State
from bench.figures import Spread
from bench.results import Results
from bench.targets import Found, Target, judged

Row = tuple[str, ...]
_MEBI = 1 << 20
_ABSENT = "–"


def text(rows: Sequence[Row]) -> str:
    """Columns of one width each; the first is at the left, so are those of words."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(_placed(cell, widths[at], at) for at, cell in enumerate(row)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def markdown(rows: Sequence[Row]) -> str:
    ruler = tuple("---" for _ in rows[0])
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ruler, *rows[1:]])


def contest(results: Results, section: str) -> list[Row]:
    """One row for each entrant of a paired section, absent ones too."""
    found = results.sections[section]
    reference = found["reference"]
    head = (
        "",
        "CPU us each",
        "spread",
        "answers/s",
        f"cheaper than {reference}",
        "ready s",
        "idle MB",
        "loaded MB",
        "",
    )
    rows = [head, *(_entrant(results, section, name, each) for name, each in found["entrants"].items())]
    return rows + [(name, *([_ABSENT] * 7), "absent") for name in found["absent"]]


def _entrant(results: Results, section: str, name: str, each: dict[str, Any]) -> Row:
    rounds = results.rounds(section, name)
    cost, rate = Spread.of([one.cost for one in rounds]), Spread.of([one.rate for one in rounds])
    limited = sum(one.is_limited_by_others for one in rounds)
    return (
        f"{name} {each['version']}".rstrip(),
        f"{cost.middle:,.1f}",
        f"{cost.width:.0%}",
        f"{rate.middle:,.0f}",
        ratio(results.cheaper(section, name, results.sections[section]["reference"])),
        f"{each['ready']:.2f}",
        f"{each['idle'] / _MEBI:.0f}",
        f"{each['loaded'] / _MEBI:.0f}",
        f"the other core was the limit in {limited} rounds" if limited else "",
    )


def ratio(spread: Spread | None) -> str:
    return f"{spread.middle:.2f} ({spread.least:.2f}-{spread.most:.2f})" if spread else _ABSENT


def lacking(results: Results, section: str) -> list[Row]:
    """What each peer cannot do of the chain."""
    entrants = results.sections[section]["entrants"].items()
    return [
        ("peer", "what of the chain it does not do"),
        *((name, each["lacks"]) for name, each in entrants if each["lacks"]),
    ]


def added_costs(results: Results) -> list[Row]:
    """What each step adds, in microseconds; within a round, so that a slow one hits both."""
    names = list(results.sections["filters"]["entrants"])[:-1]
    rows: list[Row] = [("step", "CPU us each", "this step adds", "its ends")]
    earlier: Sequence[float] | None = None
    for name in names:
        costs = [each.cost for each in results.rounds("filters", name)]
        more = Spread.of([own - other for own, other in zip(costs, earlier, strict=True)]) if earlier else None
        told = (f"{more.middle:+.1f}", f"{more.least:+.1f} to {more.most:+.1f}") if more else ("", "")
        rows.append((name, f"{Spread.of(costs).middle:.1f}", *told))
        earlier = costs
    return rows


def latencies(results: Results) -> list[Row]:
    """Milliseconds that each adds to a direct call at the same rate."""
    rows: list[Row] = [("requests/s", "", "added p50 ms", "added p99 ms", "added p99.9 ms", "answers")]
    for rate, of_rate in results.sections["rates"]["rates"].items():
        direct = of_rate["direct"]
        rows.append((rate, "direct (all of it)", *(f"{direct[at]:.3f}" for at in _SHARES), f"{direct['count']:,}"))
        for name, each in of_rate.items():
            if name != "direct":
                added = (f"{each[at] - direct[at]:+.3f}" for at in _SHARES)
                rows.append((rate, name, *added, f"{each['count']:,}"))
    return rows


def reloading(results: Results) -> list[Row]:
    rows: list[Row] = [("full chain at 500 requests/s", "p50 ms", "p99 ms", "p99.9 ms", "most ms")]
    for name, each in results.sections["reload"].items():
        if isinstance(each, dict):
            rows.append((name, *(f"{each[at]:.2f}" for at in (*_SHARES, "most"))))
    return rows


def open_streams(results: Results) -> list[Row]:
    rows: list[Row] = [
        (
            "open streams",
            "upstream",
            "at once",
            "KiB each",
            "not whole",
            "p99 delay ms",
            "records/s",
            "of the core",
            "of the other",
        )
    ]
    for kind in ("clear", "tls"):
        for count, each in results.sections["open-streams"][kind].items():
            delay = f"{each['delay']:.0f}" if each["delay"] is not None else _ABSENT
            figures = (f"{each['open']:,}", f"{each['bytes_each'] / 1024:.1f}", str(each["failed"]), delay)
            rows.append(
                (
                    count,
                    kind,
                    *figures,
                    f"{each['records_per_second']:,.0f}",
                    f"{each['cpu']:.0%}",
                    f"{each['other_cpu']:.0%}",
                )
            )
    return rows


def starts(results: Results) -> list[Row]:
    rows: list[Row] = [("", "ready, s", "its ends", "idle MB")]
    for name in ("pass-through", "full chain"):
        ready = Spread.of(results.at("start", name, "ready"))
        idle = results.at("start", name, "idle") / 1e6
        rows.append((name, f"{ready.middle:.2f}", f"{ready.least:.2f} to {ready.most:.2f}", f"{idle:.0f}"))
    return rows


def aims(results: Results, unmeasured: bool = True) -> list[Row]:
    """The table of targets, met or missed."""
    rows: list[Row] = [("what", "target", "stretch", "figure", "ends of the rounds", "", "remark")]
    return rows + [_aim(*each) for each in judged(results) if unmeasured or each[1]]


def _aim(target: Target, found: Found | None, verdict: str) -> Row:
    stretch = number(target.stretch, target.unit) if target.stretch is not None else ""
    figure = number(found.value, target.unit) if found else _ABSENT
    ends = f"{number(found.spread[0], '')} to {number(found.spread[1], '')}" if found and found.spread else ""
    return target.name, number(target.aim, target.unit), stretch, figure, ends, verdict, found.remark if found else ""


def kept(checked: Iterator[tuple[Budget, Spread | None, State]]) -> list[Row]:
    rows: list[Row] = [("budget", "at least", "figure", "")]
    for budget, spread, state in checked:
        name = f"{budget.section}: {budget.entrant} against {budget.against}"
        rows.append((name, f"{budget.at_least:.2f}", ratio(spread), state))
    return rows


def number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 1000 or value == int(value) else 1 if abs(value) >= 20 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


_SHARES = ("p50", "p99", "p99.9")


def _placed(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column and cell[:1].isdigit() else cell.ljust(width)
