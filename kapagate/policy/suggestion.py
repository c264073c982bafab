"""Did you mean: the known word closest to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 64


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; None when nothing is near."""
    if len(word) > _LONGEST:
        return None
    import difflib  # most policies have no word that is not known

    folded = {name.lower().replace("-", "_"): name for name in sorted(known, reverse=True)}
    plain = word.lower().replace("-", "_").strip()
    if plain in folded:
        return folded[plain] if folded[plain] != word else None
    for cutoff in (0.6, 0.5):
        near = difflib.get_close_matches(plain, folded, n=1, cutoff=cutoff)
        if near and (cutoff > 0.5 or len(plain) <= 4):
            return folded[near[0]]
    return None
