"""Values with more disguise between their characters than is looked behind.

A word that begins like a value and has more than `disguise.SLACK` characters of disguise in it is a candidate at its
bound: whether it is a value, nobody looks. It is decided the safe way, as far as it goes on like one, at most `MOST`
characters. This too is a property of the place where it starts, for `unfinished` matches each beginning of what it
matches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from kapagate.guards.detector import Detector
from kapagate.guards.disguise import View
from kapagate.guards.regex import Beginning, Ending, beginning, ending

MOST = 4096
"""The most characters of a text, disguise and all, that are redacted for one place."""
_LONGEST = 512
"""Longer values are found by how they begin, and redacted as far as they were looked at."""

Candidate = tuple[Detector, int, int]
"""What may be a value of the detector's, and where it starts and ends in the original."""


class Stretched:
    """The stretched candidates of some detectors.

    Of several that begin at one place the longest names it, or the longest of those that are refused. Texts without so
    much disguise pay for a comparison; patterns are compiled when a text has so much.
    """

    def __init__(self, detectors: Iterable[Detector], refused: Collection[Detector]) -> None:
        self._detectors, self._refused = tuple(detectors), frozenset(refused)
        self._look = min(max((each.longest for each in self._detectors), default=0), _LONGEST)

    @cached_property
    def _any(self) -> Beginning:
        return beginning(b"|".join(each.unfinished for each in self._detectors))

    @cached_property
    def _each(self) -> tuple[tuple[Detector, Beginning, Ending | None], ...]:
        """The farthest looking first."""
        by_length = sorted(self._detectors, key=lambda each: -each.longest)
        return tuple(
            (each, beginning(each.unfinished), ending(each.led_by) if each.led_by else None) for each in by_length
        )

    def find(self, view: View, start: int, end: int) -> Iterator[Candidate]:
        """Candidates that start in `start:end` of the original."""
        data, breaks = view.data, frozenset(view.breaks)
        for place, crowded in view.crowded(view.place(start), view.place(end), self._look):
            left = place if place == 0 or place in breaks else place - 1
            near = data[left:crowded]
            if left < place and _goes_on(near):
                continue
            if self._any(near, place - left, len(near)) == len(near):
                yield from self._named(view, place, left, crowded)

    def _named(self, view: View, place: int, left: int, crowded: int) -> Iterator[Candidate]:
        first = view.original(place)
        bound = first + MOST
        data, at = view.data[left : view.place(bound)], place - left
        least, whole, ends = crowded - left, len(data), {}
        for detector, begun, led in self._each:
            if at + detector.longest < least:
                break
            behind = begun(data, at, min(at + detector.longest, whole))
            if behind >= least and (led is None or led(view.data[view.left(place, detector.before) : place])):
                ends[detector] = left + min(behind + 1, whole)  # what is whole does not begin anything
                least = least if self._refused else behind
        if ends:
            named = max(self._refused & ends.keys() or ends, key=lambda each: (ends[each], each.severity, each.name))
            yield named, first, min(bound, view.end(max(ends.values())))


def _goes_on(data: bytes) -> bool:
    """Whether the second character stands behind a letter or a digit, or in a row of the same sign."""
    return data[:1].isalnum() or data[:1] == data[1:2]
