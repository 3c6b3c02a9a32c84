"""Single values of an identity: which are accepted, and the form that all spellings of one value share.

A value is cleaned first (NFC, no blanks around it, single spaces within), then judged by its kind. What is no text, too
long or of another alphabet is refused at once, whatever its length.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from apientreprise_gateway.contract.query import UNDECODABLE

LONGEST: Final = 256
"""Characters that a cleaned value may have."""
_LONGEST_SENT: Final = 4 * LONGEST
"""Characters that a value may have as it is sent: accents may be characters of their own, and blanks surround it."""

Kind = Callable[[str], str | None]
"""From a cleaned value, which is not empty, to its canonical form; None if the value is wrong."""


def clean(value: str) -> str | None:
    """A value in NFC, without blanks around it and with single spaces within; empty if it is blank.

    None for what no rule accepts: too long, not UTF-8, halves of characters, characters that cannot be seen.
    """
    if len(value) > _LONGEST_SENT:
        return None
    text = " ".join(value.split())
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if len(text) > LONGEST or not text.isprintable() or UNDECODABLE in text:
        return None
    return text


def matching(*patterns: str, any_case: bool = False) -> Kind:
    """A kind of the values that one of some patterns matches as a whole.

    Args:
        patterns: regular expressions; their digits and letters are those of ASCII unless they name others.
        any_case: whether small letters stand for capitals; the canonical form has capitals.
    """
    fits = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.ASCII).fullmatch

    def as_it_is(value: str) -> str | None:
        return value if fits(value) else None

    def in_capitals(value: str) -> str | None:
        if not value.isascii():  # some letters beyond ASCII have a capital within it
            return None
        value = value.upper()
        return value if fits(value) else None

    return in_capitals if any_case else as_it_is


def anything(value: str) -> str | None:
    """Any text."""
    return value


def plate(value: str) -> str | None:
    """A registration number of a vehicle: any text; case makes no difference."""
    return value.upper() if value.isascii() else value


NAME: Final = matching("[a-zA-ZÀ-ÖØ-öø-ÿ' -]+")
"""A name in the letters of Western Europe, with apostrophes, hyphens and spaces."""
SEX: Final = matching("[MF]", any_case=True)
COMMUNE: Final = matching(r"(?:[013-9]\d|2[AB1-9])\d{3}")
"""The code of a commune in the official geographic code (COG) of INSEE."""
COUNTRY: Final = matching(r"99\d{3}", "92352")
"""The code of a country in the COG."""
DEPARTMENT: Final = matching("2[AB]", "97[12346]", r"0[1-9]|[1-8]\d|9[0-5]")
"""The code of a department in the COG."""
INE: Final = matching(
    r"[0-9]{9}[A-HJK]{2}", r"\d{10}[A-HJ-NPR-Z]", r"[0-9A-Z]{10}\d", r"\d{4}A\d{5}[A-HJ-NPR-Z]", any_case=True
)
"""The national number of a student, in any of its four forms."""
ALLOWANCE_NUMBER: Final = matching(r"\d{5,7}")
"""The number of a family with its family allowance fund."""
POSTCODE: Final = matching(r"\d{5}")
DIGITS: Final = matching(r"\d+")
ESTABLISHMENT: Final = matching(r"\d{7}\w", any_case=True)
"""The number of a school in the directory of the ministry of education (UAI)."""
SCHOOL_YEAR: Final = matching(r"\d{4}", r"\d{4}-\d{4}")
SCHOOL_DEGREE: Final = matching("[12]D", any_case=True)
SCHOOL_DEPARTMENT: Final = matching(r"\d{2,3}", "0?2[AB]")
"""The code of a department in the central register of nomenclatures (BCN) of the ministry of education."""
SCHOOL_REGION: Final = matching("0[1-9]|1[0-8]")
"""The code of a region in the BCN."""


def number(text: str, first: int, last: int) -> int | None:
    """A whole number between two others, in ASCII digits, leading zeros or not; None for anything else."""
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > 4:
        text = text.lstrip("0")
        if len(text) > 4:
            return None
    found = int(text or "0")
    return found if first <= found <= last else None
