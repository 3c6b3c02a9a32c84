"""Validation rules of the identifiers that a path or a query carries.

Nothing is normalised: spaces, dots and dashes are refused, and only ASCII digits are digits.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_DOUBLED: Final = {"0": 0, "1": 2, "2": 4, "3": 6, "4": 8, "5": 1, "6": 3, "7": 5, "8": 7, "9": 9}
_PLAIN: Final = {digit: int(digit) for digit in "0123456789"}
_LA_POSTE: Final = "356000000"
_RNA: Final = re.compile(r"W\d[A-Z0-9]\d{7}|0\d{3}00\d{4}", re.ASCII)

FIRST_YEAR: Final = 1900
"""The oldest year for which a headcount may be asked."""
DEEPEST_HISTORY: Final = 13
"""The most months back that `profondeur` may ask for."""


def _digits(value: str, length: int) -> bool:
    return len(value) == length and value.isascii() and value.isdigit()


def _luhn(digits: str) -> bool:
    total = sum(map(_PLAIN.__getitem__, digits[-1::-2])) + sum(map(_DOUBLED.__getitem__, digits[-2::-2]))
    return total % 10 == 0


def is_siren(value: str) -> bool:
    """Nine digits, the last of which is a Luhn check digit (INSEE)."""
    return _digits(value, 9) and _luhn(value)


def is_siret(value: str) -> bool:
    """Fourteen digits that pass Luhn, or any establishment of La Poste, whose numbers do not (INSEE)."""
    return _digits(value, 14) and (_luhn(value) or value.startswith(_LA_POSTE))


is_recipient: Final = lru_cache(maxsize=4096)(is_siret)
"""`is_siret` for the `recipient`: a caller repeats the same few, so their answers are remembered."""


def is_rna(value: str) -> bool:
    """A number of the national directory of associations: `W` and nine characters, or the older ten digits."""
    return _RNA.fullmatch(value) is not None


def is_siret_or_rna(value: str) -> bool:
    """Either identifier of an association."""
    return is_siret(value) or is_rna(value)


def is_past_year(value: str) -> bool:
    """Four digits, from 1900 to the current year (UTC)."""
    return _digits(value, 4) and FIRST_YEAR <= int(value) <= datetime.now(UTC).year


def is_month(value: str) -> bool:
    """Two digits, 01 to 12."""
    return _digits(value, 2) and 1 <= int(value) <= 12


def is_two_digits(value: str) -> bool:
    """Two digits, whatever they are: the month as v2 judges it."""
    return _digits(value, 2)


def is_history_depth(value: str) -> bool:
    """A number of months, 0 to 13, in one or two digits."""
    return len(value) <= 2 and value.isascii() and value.isdigit() and int(value) <= DEEPEST_HISTORY


def is_blank_or_siren(value: str) -> bool:
    """A SIREN, or nothing: v2 forms send the parameter empty."""
    return value == "" or is_siren(value)


def is_anything(_value: str) -> bool:
    """A parameter that is passed on as it is and never refused."""
    return True
