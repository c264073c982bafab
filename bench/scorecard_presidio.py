"""Presidio's pattern recognisers on texts: JSON in, JSON out, in an environment of its own, without look-ups."""

from __future__ import annotations

import json
import sys
import time

import tldextract
from presidio_analyzer import predefined_recognizers as known

THRESHOLD = 0.3  # below it Presidio's patterns take every number for everything

KINDS = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "IP_ADDRESS": "ip",
    "US_SSN": "ssn", "MAC_ADDRESS": "mac",
}  # fmt: skip
REGIONS = ("US", "CA", "GB", "DE", "FR", "ES", "IT", "NL", "IN", "AU", "BR", "JP")


def main() -> None:
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    recognisers = [
        *(known.EmailRecognizer(), known.CreditCardRecognizer(), known.IbanRecognizer(), known.IpRecognizer()),
        *(known.UsSsnRecognizer(), known.MacAddressRecognizer(), known.PhoneRecognizer(supported_regions=REGIONS)),
    ]
    texts = json.load(sys.stdin)
    for text in texts[:500]:  # what it builds at first use
        for recogniser in recognisers:
            recogniser.analyze(text, recogniser.supported_entities, None)
    began = time.process_time()
    found = [
        [
            (KINDS[each.entity_type], each.start, each.end)
            for recogniser in recognisers
            for each in recogniser.analyze(text, recogniser.supported_entities, None) or ()
            if each.score >= THRESHOLD
        ]
        for text in texts
    ]
    json.dump({"seconds": time.process_time() - began, "found": found}, sys.stdout)


if __name__ == "__main__":
    main()
