"""How many digits telephone numbers have, the code of their country included.

Where the library `phonenumbers` is installed (the extra of that name), it knows the lengths of every country, so that
what is too short or too long for one is no number there. Without it the longest are known of those listed here.
"""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache
from importlib.util import find_spec

_SHORTEST, _LONGEST = 8, 15
_LISTED = {
    10: "45 47 65",
    11: "1 7 27 31 32 33 34 36 41 48 51 56 61 66 852 853",
    12: "20 30 40 44 46 52 57 63 81 82 84 90 91 92 212 213 216 254 351 353 358 380 420 421 971 972",
    13: "39 49 54 55 60 62 64 86 234 880",
}
_MOST = {code: most for most, codes in _LISTED.items() for code in codes.split()}
INSTALLED = find_spec("phonenumbers") is not None


def listed_lengths(code: str) -> range:
    """Without the library."""
    return range(_SHORTEST, _MOST.get(code, _LONGEST) + 1)


def known_lengths(code: str) -> Container[int]:
    """With the library, which counts numbers that only machines call as well: the list bounds those."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    found: set[int] = set()
    for region in COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()):
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
        if metadata is not None and metadata.general_desc is not None:
            found.update(len(code) + length for length in metadata.general_desc.possible_length)
    return found.intersection(listed_lengths(code)) or listed_lengths(code)


@lru_cache(512)
def lengths(code: bytes) -> Container[int]:
    """Of the numbers of a country, by its code."""
    return (known_lengths if INSTALLED else listed_lengths)(code.decode())
