"""The figures as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping

from bench.figures import Figures, Spread

_HEAD = ("subject", "answers/s", "CPU us each", "spread", "times cheaper than naive", "")


def table(figures: Mapping[str, Figures]) -> str:
    """One line per subject, in the order in which they were measured."""
    rows = [_HEAD, *(_row(name, each) for name, each in figures.items())]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    lines = ["  ".join(_aligned(cell, widths[at], at) for at, cell in enumerate(row)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths).rstrip(), *lines[1:]])


def start_up(ready: Mapping[str, Spread], idle: Mapping[str, int]) -> str:
    """Time to ready and idle memory, one line per gateway."""
    return "\n".join(
        f"{name}: ready in {seconds.middle:.2f} s ({seconds.least:.2f} to {seconds.most:.2f}), "
        f"{idle[name] / 1e6:.0f} MB idle"
        for name, seconds in ready.items()
    )


def _row(name: str, each: Figures) -> tuple[str, ...]:
    ratio = each.times_cheaper
    return (
        name,
        f"{each.rate.middle:,.0f}",
        f"{each.cost.middle:.1f}",
        f"{each.cost.width:.0%}",
        f"{ratio.middle:.2f} ({ratio.least:.2f} to {ratio.most:.2f})",
        f"the other core was the limit in {each.limited_rounds} rounds" if each.limited_rounds else "",
    )


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column in (0, 5) else cell.rjust(width)
