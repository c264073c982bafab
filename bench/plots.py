"""Plots as SVG, written by hand: bars with the ends of their rounds, and lines over a few steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 760, 190, 90, 44, 26
_INK, _PALE, _GRID = "#1f2933", "#6b7680", "#dfe3e8"
_OURS, _THEIRS = "#0b7285", "#adb5bd"
_COLOURS = ("#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e", "#868e96", "#c2255c")


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure with its ends; ours stand out."""

    name: str
    middle: float
    least: float
    most: float
    ours: bool = False


def bars(title: str, unit: str, given: Sequence[Bar]) -> str:
    """Horizontal, one under the other. The scale is logarithmic where the largest is thirty times the least."""
    logarithmic = min(each.middle for each in given) > 0 and _most(given) / min(each.middle for each in given) > 30
    scale = _logarithmic(given) if logarithmic else _linear(given)
    height = _TOP + _ROW * len(given) + 34
    parts = [_opening(height, title, f"{unit}{', logarithmic' if logarithmic else ''}")]
    for value in scale.marks:
        x = scale.at(value)
        parts.append(_line(x, _TOP - 6, x, height - 30, _GRID))
        parts.append(_text(x, height - 14, f"{value:g}", "middle", _PALE))
    for number, each in enumerate(given):
        parts.append(_bar(each, _TOP + _ROW * number, scale))
    return "\n".join([*parts, "</svg>", ""])


def lines(title: str, unit: str, steps: Sequence[str], given: Mapping[str, Sequence[float | None]]) -> str:
    """A line for each name over the steps, which stand at equal distances; gaps where nothing was measured."""
    most = max((value for each in given.values() for value in each if value is not None), default=1.0)
    scale = _Scale(0.0, _round_up(most), marks(_round_up(most)), False)
    height, bottom = 340, 290
    parts = [_opening(height, title, unit)]

    def y(value: float) -> float:
        return bottom - (bottom - _TOP) * value / scale.most

    def x(step: int) -> float:
        return 70 + (_WIDTH - 270) * step / max(1, len(steps) - 1)

    for value in scale.marks:
        parts.append(_line(70, y(value), _WIDTH - 200, y(value), _GRID))
        parts.append(_text(62, y(value) + 4, f"{value:g}", "end", _PALE))
    parts += [_text(x(at), bottom + 22, step, "middle", _PALE) for at, step in enumerate(steps)]
    for number, (name, values) in enumerate(given.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [(x(at), y(value)) for at, value in enumerate(values) if value is not None]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in points]
        parts.append(f'<rect x="{_WIDTH - 185}" y="{_TOP + 20 * number - 9}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(_WIDTH - 167, _TOP + 20 * number + 2, name, "start", _INK))
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Scale:
    least: float
    most: float
    marks: Sequence[float]
    logarithmic: bool

    def at(self, value: float) -> float:
        """The place across, in pixels."""
        if self.logarithmic:
            share = (log10(max(value, self.least)) - log10(self.least)) / (log10(self.most) - log10(self.least))
        else:
            share = (value - self.least) / (self.most - self.least)
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share


def marks(most: float) -> list[float]:
    """Round numbers from nought to `most`, at most nine of them."""
    magnitude = 10.0 ** (floor(log10(most)) - 1)
    step = next(magnitude * factor for factor in (1, 2, 5, 10, 20) if most / (magnitude * factor) <= 8)
    return [step * number for number in range(int(most / step + 1e-9) + 1)]


def _round_up(value: float) -> float:
    step = 10.0 ** floor(log10(value)) / 2 if value > 0 else 1.0
    return step * max(1, ceil(value / step))


def _most(given: Sequence[Bar]) -> float:
    return max(each.most for each in given)


def _linear(given: Sequence[Bar]) -> _Scale:
    most = _round_up(_most(given))
    least = min(0.0, *(each.least for each in given))
    return _Scale(least, most, marks(most), False)


def _logarithmic(given: Sequence[Bar]) -> _Scale:
    first, last = floor(log10(min(each.least for each in given))), ceil(log10(_most(given)))
    return _Scale(10.0**first, 10.0**last, [10.0**power for power in range(first, last + 1)], True)


def _bar(each: Bar, y: int, scale: _Scale) -> str:
    start, end = scale.at(max(0.0, scale.least) if not scale.logarithmic else scale.least), scale.at(each.middle)
    colour, middle = _OURS if each.ours else _THEIRS, y + 9
    width = max(1.0, abs(end - start))
    rect = f'<rect x="{min(start, end):.1f}" y="{y}" width="{width:.1f}" height="18" fill="{colour}"/>'
    whisker = _line(scale.at(each.least), middle, scale.at(each.most), middle, _INK)
    label = _text(_LEFT - 8, y + 13, each.name, "end", _INK)
    figure = f"{each.middle:,.{1 if each.middle < 1000 else 0}f}"
    value = _text(max(scale.at(each.most), end) + 6, y + 13, figure, "start", _INK)
    return "\n".join([label, rect, whisker, value])


def _opening(height: int, title: str, unit: str) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}" font-family="sans-serif" font-size="12" role="img" aria-label="{escape(title)}">',
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="16" y="22" font-size="14" font-weight="bold" fill="{_INK}">{escape(title)}'
            f'<tspan font-weight="normal" fill="{_PALE}" dx="6">({escape(unit)})</tspan></text>',
        ]
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, words: str, anchor: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
