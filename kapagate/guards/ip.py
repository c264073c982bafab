"""IP addresses, version 4 (dotted quads) and 6 (RFC 4291 section 2.2), of which those that point at nobody stay.

Version numbers and numbers of sections look like version 4 addresses: what stands before them decides.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from kapagate.guards.detector import Detector, Span
from kapagate.guards.regex import ending

_LONGEST_QUAD = 15
_LONGEST_GROUPS = 45
_BEFORE = 24
_QUAD = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}")
_GROUPS = re.compile(rb"[0-9A-Fa-f:.]+")
_LABEL = re.compile(rb"(?i)(?<![A-Z0-9])[A-Z]{0,11}[G-Z][A-Z]{0,11}6?:\Z")
_PORT = re.compile(rb"\.\d{1,5}\Z")  # as tcpdump writes it
_ADDRESSED = re.compile(rb"[0-9A-Fa-f]{3}|(?:[0-9A-Fa-f]+:+){3}")  # [::2] and 1::2 are slices
_MORE_RIGHT = re.compile(
    rb"(?i)\w|\.\d|[+-][a-z]| (?:release|beta|alpha|rc\d|or (?:later|newer|higher)|und h\xf6her)\b"
)
_VERSION = (
    rb"versions?|release|rev|ver|v|build|firmware|driver|kernel|patch|update|upgrade|oid|(?:vers|wers)[\w\xe3\xf3]{1,4}"
)
_PLACE = (
    rb"sections?|sec|chapter|clause|figures?|fig|tables?|requirement|req|rule|item|step|appendix|annex|paragraph|para|page"
    rb"|manual|abschnitt|kapitel|ziffer|absatz|anhang|bild|abb|tabelle|punkt|handbuch|chapitre|paragraphe|article|art"
    rb"|annexe|tableau|secci\xf3n|cap\xedtulo|apartado|art\xedculo|anexo|figura|tabla|sezione|capitolo|paragrafo|articolo"
    rb"|allegato|tabella|sectie|hoofdstuk|paragraaf|artikel|bijlage|tabel|se\xe7\xe3o|par\xe1grafo|artigo|tabela|sekcj[ai]"
    rb"|rozdzia\xe9|pkt|rysunek|artyku\xe9"
)
_GOES_ON = re.compile(
    rb"(?i)(?:\w|[a-z](?<!\bip)(?<!\bhost)(?<!\bnode)(?<!\bclient)(?<!\bserver)-|::|ffff:|[=<>~!]=)\Z"
)
_IN_PATH = re.compile(rb"[^/]/\Z")
_LARGE = re.compile(rb"(?:\d{1,2}\.)*\d{3}\.(?:\d{1,2}\.)*\d{3}(?:\.|\Z)")  # two of three digits: no version
_NO_HOST = ending(
    rb"(?:\A|[^\d.])\d*\.\d+ |\xa7 ?|(?i:\b(?:" + _VERSION + rb"|" + _PLACE + rb")|identifier)(?: (?:to|auf|no|nr))?"
    rb"[\"' (.:=#-]{0,3}"
)
_SMALL = re.compile(rb"(?!10\.)(?:\d\d?(?:\.\d){3}|\d\.\d\d(?:\.\d){2}|\d\.\d\.\d\d\.\d|\d(?:\.\d){2}\.\d\d)\Z")
_KNOWN = frozenset((b"1.1.1.1", b"1.0.0.1", b"4.2.2.2", b"8.8.8.8", b"8.8.4.4", b"9.9.9.9"))
_HOST_LEFT = ending(
    rb"(?i:\b(?:ips?|ipv4|hosts?|addr|address|addresses|adresse|adres|direcci\xf3n|indirizzo|endere\xe7o|servers?|serwer"
    rb"|servidor|serveur|client|dns|ping|ssh|curl|gateway|proxy|peer|from|src|dst|source|destination|remote|nameserver)"
    rb"\b[^.\n]{0,12}|://|@)"
)
_HOST_RIGHT = re.compile(rb":\d{2,5}\b|/\d{1,2}\b")


def _quad(data: bytes, start: int) -> Span | None:
    left = data[max(0, start - _BEFORE) : start]
    if left[-1:] == b"." and left[-2:-1].isdigit():
        return None
    found = _QUAD.match(data[start : start + _LONGEST_QUAD])
    if found is None or _GOES_ON.search(left) or _NO_HOST(left):
        return None
    if _IN_PATH.search(left) and not _LARGE.match(found[0]):
        return None
    end = start + found.end()
    if _MORE_RIGHT.match(data, end, end + 16) or (_SMALL.match(found[0]) and not _of_host(data, start, end, left)):
        return None
    try:
        address = IPv4Address(data[start:end].decode("ascii"))
    except AddressValueError:
        return None
    nobody = address.packed[:2] == b"\x7f\0" or address.packed[0] in (0, 255)
    return None if nobody else (start, end)


def _of_host(data: bytes, start: int, end: int, left: bytes) -> bool:
    """1.2.3.4 is a section, where nothing says that it is an address."""
    if data[start:end] in _KNOWN:
        return True
    return _HOST_RIGHT.match(data, end) is not None or _HOST_LEFT(left)


def _groups(data: bytes, start: int) -> Span | None:
    if start and (data[start - 1] in b"._\xe9" or data[start - 1 : start].isalnum()):
        return None
    if data[start - 1 : start] == b":" and not _LABEL.search(data, max(0, start - _BEFORE), start):
        return None
    found = _GROUPS.match(data[start : start + _LONGEST_GROUPS + 2])
    if found is None:
        return None
    written = data[start : start + found.end()].rstrip(b".")
    written = written[:-1] if written.endswith(b":") and not written.endswith(b"::") else written
    end = start + len(written)
    if (
        data[end : end + 1].isalnum()
        or data[end : end + 1] == b"_"
        or not (_ADDRESSED.search(written) and any(48 <= byte < 58 for byte in written))
    ):
        return None
    address = _address(written)
    if address is None and (port := _PORT.search(written)) is not None:
        end, address = start + port.start(), _address(written[: port.start()])
    return None if address is None or address.is_loopback or address.is_unspecified else (start, end)


def _address(written: bytes) -> IPv6Address | None:
    try:
        return IPv6Address(written.decode("ascii"))
    except AddressValueError:
        return None


def check(data: bytes, start: int, end: int) -> Span | None:
    return _groups(data, start) if b":" in data[start:end] else _quad(data, start)


IP = Detector(
    name="ip",
    placeholder="<ip>",
    pattern=(
        rb"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d|::[0-9A-Fa-f]"
        rb"|\b(?:%b{1,4}:){1,6}:|\b(?:%b{1,4}:){6}(?:%b{1,4}:%b|\d{1,3}\.)" % ((b"[0-9A-Fa-f]",) * 4)
    ),
    unfinished=rb"[0-9A-Fa-f:.]+[+-]?|\d{1,3}(?:\.\d{1,3}){3}(?:/\d{0,2}|(?: [A-Za-z\xf6]{0,8}){1,2}\d?)",
    longest=_LONGEST_GROUPS + 17,
    before=_BEFORE,
    check=check,
)
