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


class Kind:
    """Judges values of one kind."""

    __slots__ = ("_judge", "is_plain", "sent")

    def __init__(self, judge: Callable[[str], str | None], *, plain: str, sent: str = "") -> None:
        """Take what judges.

        Args:
            judge: from a cleaned value, which is not empty, to its canonical form; None if the value is wrong.
            plain: regular expression of ordinary values, which are right, clean and canonical as they are sent. It only
                saves time: to clean and to judge a value costs twice as much.
            sent: regular expression of ordinary values as they are in a query: right, and encoded as the provider gets
                them; `plain` if it is empty. See `ordinary`.
        """
        self._judge = judge
        self.sent = sent or plain
        self.is_plain: Callable[[str], object] = re.compile(plain, re.ASCII).fullmatch

    def __call__(self, value: str) -> str | None:
        """The canonical form of a cleaned value, which is not empty; None if the value is wrong."""
        return self._judge(value)


def clean(value: str) -> str | None:
    """A value in NFC, without blanks around it and with single spaces within; empty if it is blank.

    None for what no rule accepts: too long, not UTF-8, halves of characters, characters that cannot be seen.
    """
    if len(value) > _LONGEST_SENT:
        return None
    if value.isalnum() and value.isascii() and len(value) <= LONGEST:
        return value
    text = " ".join(value.split())
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if len(text) > LONGEST or not text.isprintable() or UNDECODABLE in text:
        return None
    return text


def matching(*patterns: str, any_case: bool = False, plain: str = "", sent: str = "") -> Kind:
    """A kind of the values that one of some patterns matches as a whole.

    Args:
        patterns: regular expressions; their digits and letters are those of ASCII unless they name others.
        any_case: whether small letters stand for capitals; the canonical form has capitals.
        plain: see `Kind`; all that the patterns match if it is empty, which is right for short ones without spaces and
            small letters.
        sent: likewise.
    """
    whole = "|".join(f"(?:{pattern})" for pattern in patterns)
    fits = re.compile(whole, re.ASCII).fullmatch

    def as_it_is(value: str) -> str | None:
        return value if fits(value) else None

    def in_capitals(value: str) -> str | None:
        if not value.isascii():  # some letters beyond ASCII have a capital within it
            return None
        value = value.upper()
        return value if fits(value) else None

    return Kind(in_capitals if any_case else as_it_is, plain=plain or whole, sent=sent)


_LATIN: Final = "%C3%(?:[8A][0-9A-F]|9[0-689A-F]|B[0-689A-F])"
"""A letter of Western Europe beyond ASCII, encoded."""


def _words(letters: str) -> str:
    """Words of these letters, those beyond ASCII and apostrophes too, with single spaces between them, in a query.

    At most 208 characters, fewer than are accepted.
    """
    between = rf"{_LATIN}|%27|\+(?=[%{letters}])"
    return f"(?=[%{letters}])[{letters}]{{0,40}}(?:(?:{between})[{letters}]{{0,20}}){{0,8}}"


anything: Final = Kind(lambda value: value, plain=f"[0-9A-Za-z]{{1,{LONGEST}}}", sent=_words("0-9A-Za-z_.~-"))
"""Any text."""
plate: Final = Kind(lambda value: value.upper() if value.isascii() else value, plain=f"[0-9A-Z-]{{1,{LONGEST}}}")
"""A registration number of a vehicle: any text; case makes no difference."""
NAME: Final = matching("[a-zA-ZÀ-ÖØ-öø-ÿ' -]+", plain=f"[a-zA-Z]{{1,{LONGEST}}}", sent=_words("a-zA-Z-"))
"""A name in the letters of Western Europe, with apostrophes, hyphens and spaces."""
SEX: Final = matching("[MF]", any_case=True)
COMMUNE: Final = matching(r"(?:[013-9]\d|2[AB1-9])\d{3}")
"""The code of a commune in the official geographic code (COG) of INSEE."""
ANY_COMMUNE: Final = matching(r"(?:\d{2}|2[AB])\d{3}")
"""The code of a commune as it is, or was: those of Corsica began with 20 until 1976."""
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
DIGITS: Final = matching(r"\d+", plain=rf"\d{{1,{LONGEST}}}")
ESTABLISHMENT: Final = matching(r"\d{7}\w", any_case=True, plain=r"\d{7}[0-9A-Z_]")
"""The number of a school in the directory of the ministry of education (UAI)."""
SCHOOL_YEAR: Final = matching(r"\d{4}", r"\d{4}-\d{4}")
SCHOOL_DEGREE: Final = matching("[12]D", any_case=True)
SCHOOL_DEPARTMENT: Final = matching(r"\d{2,3}", "0?2[AB]")
"""The code of a department in the central register of nomenclatures (BCN) of the ministry of education."""
SCHOOL_REGION: Final = matching("0[1-9]|1[0-8]")
"""The code of a region in the BCN."""


_USUAL: Final = {
    **{text: each for each in range(1, 32) for text in (str(each), f"{each:02}")},
    **{str(year): year for year in range(1900, 2100)},
}
"""Days, months and years, by how they are mostly written."""
usual_number: Final = _USUAL.get
"""The whole number that a text is, for days, months and years as they are mostly written; None for others."""


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
