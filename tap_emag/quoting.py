"""Makes texts of other programs safe for log lines, terminals and messages.

A text of the API may contain line breaks that would forge log lines, escape sequences for a
terminal, and personal data. So it is quoted here, where it enters, and not where it leaves.
"""

from __future__ import annotations

import re
import unicodedata

MASK = "…"
LONGEST = 200  # characters of a sentence
LONGEST_KEY = 60  # characters of a name
LOOKED_AT = 2000  # characters; the rest is dropped unread
FEWEST_DIGITS = 6  # of a number that may be a person's
CAPITAL = "A-ZĂÂÎȘȚŞŢÁÉÍÓÖŐÚÜŰ\u0410-\u042f"  # the last ones are Cyrillic
EMAIL = re.compile(r"\S+@\S+")
LABELLED = re.compile(
    r"(?P<kept>(?i:\b(?:\w*name|\w*nume|customer|client|contact|recipient|receiver|\w*person"
    r"|\w*phone\w*|telefon|tel|mobile|street|\w*address|adres[aă]|strada|city|iban|cnp)"
    rf"""["']?\s*[:=]\s*["']?))[{CAPITAL}0-9+(][^"',;|<>\]}}]*"""
)
STREET = re.compile(
    r"(?P<kept>)(?i:\b(?:str(?:ada)?|bd|b-dul|bulevardul|blvd|calea|aleea|[sșş]os(?:eaua)?|utca|ul"
    rf"|street|ул|бул)\b\.?)\s+[{CAPITAL}][^,;]*"
)
IBAN = re.compile(
    r"(?P<kept>)(?:\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,}|(?i:\b[a-z]{2}\d{2}[a-z0-9]{10,30}))"
)
# Dates stay: they show which range was asked for.
NUMBER = re.compile(
    r"(?P<kept>(?<!\d)20\d\d-\d\d-\d\d(?!\d)|\b\d\d:\d\d:\d\d\b)"
    r"|\d{6,}|(?:\d{4}[ -]){2,}\d{1,4}|(?:\+\d|\(?0)\d*(?:[ ()./-]{1,2}\d+)+"
)


def quote(text: str, longest: int = LONGEST) -> str:
    """Return a text as one printable line of limited length, without personal data.

    E-mail addresses, numbers of six digits and more, phone numbers, IBANs, streets, and capitalised
    values after labels such as `name:` become `…`. A name without a label cannot be recognised.
    """
    if len(text) > LOOKED_AT:  # cut between words: half an address cannot be recognised
        text = re.sub(r"\S*\Z", "", text[:LOOKED_AT])
    line = EMAIL.sub(MASK, printable(text))
    for pattern in (LABELLED, STREET, IBAN, NUMBER):
        line = pattern.sub(_masked, line)
    return line if len(line) <= longest else f"{line[: longest - 1]}{MASK}"


def quote_key(key: object) -> str:
    """Return the name of a key in quotation marks; see `quote`."""
    return repr(quote(str(key), LONGEST_KEY))


def printable(text: str) -> str:
    """Return a text as one line of printable characters."""
    # Characters without width are dropped, since they may hide an address. Others that cannot be
    # printed, such as a line break or an escape character, become spaces.
    signs = unicodedata.normalize("NFKC", text)
    kept = (sign for sign in signs if unicodedata.category(sign) != "Cf")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in kept).split())


def _masked(found: re.Match[str]) -> str:
    kept = found["kept"]
    if kept and kept == found[0]:
        return kept
    digits = sum(sign.isdigit() for sign in found[0])
    if found.re is NUMBER and digits < FEWEST_DIGITS:
        return found[0]
    return f"{kept or ''}{MASK}"
