"""Validation rules of the identifiers that a path or a query carries.

Nothing is normalised: spaces, dots and dashes are refused, and only ASCII digits are digits.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_LUHN_OF_TWO: Final = [_DOUBLED[tens] + units for tens in range(10) for units in range(10)]
_LUHN_OF_FOUR: Final = [high + low for high in _LUHN_OF_TWO for low in _LUHN_OF_TWO]
"""What four digits at an even distance from the end of a number add to its Luhn sum, by the number that they are."""
_LA_POSTE: Final = "356000000"
_CAPITALS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_FRANCE: Final = "FR"
_LONGEST_EORI: Final = 17

FIRST_YEAR: Final = 1900
"""The oldest year for which a headcount may be asked."""
DEEPEST_HISTORY: Final = 13
"""The most months back that `profondeur` may ask for."""
FIRST_FISCAL_YEAR: Final = 2006
"""The oldest year whose tax declarations may be asked for."""
LARGEST_PAGE: Final = 1000
"""The most certificates that `limit` may ask for."""
SOCIAL_CERTIFICATE: Final = "AVG_UR"
"""The one type of social certificate that v2 issues."""


def _digits(value: str, length: int) -> bool:
    return len(value) == length and value.isascii() and value.isdigit()


@lru_cache(maxsize=4096)  # whoever handles a company's file asks for ten things about it
def _luhn(digits: str) -> bool:
    left, total = int(digits), 0
    while left:
        total += _LUHN_OF_FOUR[left % 10_000]
        left //= 10_000
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
    if len(value) != 10 or not value.isascii():
        return False
    if value[0] == "W":
        return value[1].isdigit() and (value[2].isdigit() or value[2] in _CAPITALS) and value[3:].isdigit()
    return value.isdigit() and value[0] == "0" and value[4:6] == "00"


def is_siret_or_rna(value: str) -> bool:
    """Either identifier of an association."""
    return is_siret(value) or is_rna(value)


def is_siren_or_rna(value: str) -> bool:
    """An association by its legal unit or by its number in the national directory."""
    return is_siren(value) or is_rna(value)


def is_siren_or_siret_or_rna(value: str) -> bool:
    """Any identifier that an association may have."""
    return is_siren(value) or is_siret(value) or is_rna(value)


def is_siret_or_eori(value: str) -> bool:
    """A SIRET, alone or after `FR`, or the EORI number of another country.

    That is two capitals and at most fifteen ASCII letters or digits: only what may stand in a path as it is.
    """
    if is_siret(value):
        return True
    country, number = value[:2], value[2:]
    if country == _FRANCE:
        return is_siret(number)
    if len(value) > _LONGEST_EORI or not _CAPITALS.issuperset(country):
        return False
    return number.isascii() and number.isalnum()


def as_eori(value: str) -> str:
    """The EORI number that a value accepted by `is_siret_or_eori` stands for: a bare SIRET is French."""
    return _FRANCE + value if value.isdigit() else value


def is_past_year(value: str) -> bool:
    """Four digits, from 1900 to the current year (UTC)."""
    return _digits(value, 4) and FIRST_YEAR <= int(value) <= datetime.now(UTC).year


def is_four_digits(value: str) -> bool:
    """Four digits, whatever they are: what a year looks like."""
    return _digits(value, 4)


def is_fiscal_year(value: str) -> bool:
    """Four digits, from 2006 to the year before the current one (UTC): a declaration follows its year."""
    return _digits(value, 4) and FIRST_FISCAL_YEAR <= int(value) < datetime.now(UTC).year


def is_integer(value: str) -> bool:
    """A whole number in its shortest spelling: the year of tax declarations as v2 judges it."""
    digits = value.removeprefix("-")
    return digits.isascii() and digits.isdigit() and (digits[0] != "0" or value == "0")


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


def is_blank_or_page_size(value: str) -> bool:
    """A number of certificates, 1 to 1000, or nothing."""
    if not value.strip():
        return True
    return len(value) <= 4 and value.isascii() and value.isdigit() and 1 <= int(value) <= LARGEST_PAGE


def is_social_certificate(value: str) -> bool:
    """The one type of social certificate that v2 issues."""
    return value == SOCIAL_CERTIFICATE


def is_anything(_value: str) -> bool:
    """A parameter that is passed on as it is and never refused."""
    return True
