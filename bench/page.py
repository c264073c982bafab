"""`python -m bench.page`: the measured part of docs/performance.md and its plots, from `bench/results/latest.json`.

What stands between the two marks in the page is written here; the rest of it is written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench import tables
from bench.figures import Spread
from bench.plots import Bar, bars, lines
from bench.process import ROOT
from bench.results import Results

PAGE = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "plots"
BEGIN, END = "<!-- written by make bench: begin -->", "<!-- written by make bench: end -->"
_OURS = ("full chain", "pass-through", "gate only")
_CONTESTS = {
    "whole-600": ("cpu-600", "Answers of 600 bytes"),
    "whole-4096": ("cpu-4096", "Answers of 4 KiB"),
    "whole-65536": ("cpu-65536", "Answers of 64 KiB"),
    "streams": ("cpu-streams", "Streams of 40 records"),
    "tenants": ("", "Tenants"),
    "patterns": ("", "Blocked terms"),
}


def write_page(results: Results, page: Path = PAGE, folder: Path = PLOTS) -> None:
    """Raises ValueError when the page has no place for it."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no marks")
    page.write_text(f"{before}{BEGIN}\n\n{measured(results)}\n\n{END}{after}")
    folder.mkdir(exist_ok=True)
    for name, plot in plots(results).items():
        (folder / f"{name}.svg").write_text(plot)


def measured(results: Results) -> str:
    if not results.sections:
        return "Nothing was measured yet: `make bench` writes this part."
    return "\n\n".join(_parts(results))


def _parts(results: Results) -> Iterator[str]:
    yield _taken(results)
    yield f"### Targets\n\n{tables.markdown(tables.aims(results))}"
    drawn = plots(results)
    for section, (plot, title) in _CONTESTS.items():
        if section in results.sections:
            yield _contest(results, section, title, plot if plot in drawn else "")
    single: Mapping[str, tuple[str, Callable[[Results], list[tables.Row]], str]] = {
        "filters": ("What each step costs", tables.added_costs, "filters"),
        "rates": ("Added latency at fixed rates", tables.latencies, "latency"),
        "reload": ("While the policy is loaded again", tables.reloading, ""),
        "open-streams": ("Open streams", tables.open_streams, "streams-memory"),
        "start": ("Start and idle memory", tables.starts, ""),
    }
    for section, (title, rows, plot) in single.items():
        if section in results.sections:
            image = f"![{title}](plots/{plot}.svg)\n\n" if plot in drawn else ""
            yield f"### {title}\n\n{image}{tables.markdown(rows(results))}"


def _taken(results: Results) -> str:
    machine = results.machine
    revisions = sorted({str(each["revision"])[:10] for each in results.sections.values()})
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"Taken {machine['taken'][:10]} on {machine['processor']}, {machine['cores']} cores,"
        f" {machine['memory'] / (1 << 30):.0f} GiB, {machine['system']}; Python {machine['python']}, {libraries};"
        f" revision {', '.join(revisions)}{' with changes' if machine['changed'] else ''}."
    )


def _contest(results: Results, section: str, title: str, plot: str) -> str:
    found = results.sections[section]
    parts = [f"### {title}", f"Asked by {found['generator']}, answered by {found['upstream']}."]
    if plot:
        parts.append(f"![{title}](plots/{plot}.svg)")
    parts.append(tables.markdown(tables.contest(results, section)))
    if section == "streams" and (client := results.sections.get("client", {})).get("nginx"):
        parts.append(f"The client's count, checked: it saw {client['client']:,} streams, nginx {client['nginx']:,}.")
    if section == "whole-600":
        parts.append(tables.markdown(tables.lacking(results, section)))
    return "\n\n".join(parts)


def plots(results: Results) -> dict[str, str]:
    """By name, of what was measured."""
    drawn = {
        name: bars(f"{title}: CPU per answer", "microseconds", _costs(results, section))
        for section, (name, title) in _CONTESTS.items()
        if name and section in results.sections
    }
    if "filters" in results.sections:
        drawn["filters"] = bars("One step more each time: CPU per answer", "microseconds", _costs(results, "filters"))
    if "rates" in results.sections:
        drawn["latency"] = _latency(results)
    if "open-streams" in results.sections:
        drawn["streams-memory"] = _memory(results)
    return drawn


def _costs(results: Results, section: str) -> list[Bar]:
    told = []
    for name in results.sections[section]["entrants"]:
        spread = Spread.of([each.cost for each in results.rounds(section, name)])
        told.append(Bar(name, spread.middle, spread.least, spread.most, name in _OURS))
    return told


def _latency(results: Results) -> str:
    rates = results.sections["rates"]["rates"]
    names = [name for name in next(iter(rates.values())) if name != "direct"]
    added = {name: [max(0.0, each[name]["p99"] - each["direct"]["p99"]) for each in rates.values()] for name in names}
    steps = [f"{rate} requests/s" for rate in rates]
    return lines("Added latency, the slowest of a hundred", "ms", steps, added)


def _memory(results: Results) -> str:
    found = results.sections["open-streams"]
    steps = [count for count in found["clear"] if int(count) >= 100]
    named = {"clear-text upstream": found["clear"], "TLS upstream": found["tls"]}
    kib = {
        name: [each[step]["bytes_each"] / 1024 if step in each else None for step in steps]
        for name, each in named.items()
    }
    return lines("Memory of each open stream", "KiB", [f"{int(step):,} streams" for step in steps], kib)


if __name__ == "__main__":
    write_page(Results.read())
