"""Tests of the rules of identifiers."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.contract.identifiers import (
    as_eori,
    is_anything,
    is_blank_or_page_size,
    is_blank_or_siren,
    is_fiscal_year,
    is_four_digits,
    is_history_depth,
    is_integer,
    is_month,
    is_past_year,
    is_recipient,
    is_rna,
    is_siren,
    is_siren_or_rna,
    is_siren_or_siret_or_rna,
    is_siret,
    is_siret_or_eori,
    is_siret_or_rna,
    is_social_certificate,
    is_two_digits,
)

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

VALID: list[tuple[Callable[[str], bool], str]] = [
    (is_siren, "130025265"),
    (is_siret, "13002526500013"),
    (is_recipient, "13002526500013"),
    (is_rna, "W262001597"),
    (is_rna, "0123004567"),
    (is_siret_or_rna, "13002526500013"),
    (is_siret_or_rna, "W262001597"),
    (is_siren_or_rna, "130025265"),
    (is_siren_or_rna, "W262001597"),
    (is_siren_or_siret_or_rna, "130025265"),
    (is_siren_or_siret_or_rna, "13002526500013"),
    (is_siren_or_siret_or_rna, "W262001597"),
    (is_siret_or_eori, "13002526500013"),
    (is_siret_or_eori, "FR13002526500013"),
    (is_siret_or_eori, "DE12345678901234"),
    (is_past_year, "2024"),
    (is_fiscal_year, "2024"),
    (is_four_digits, "2024"),
    (is_blank_or_page_size, "10"),
    (is_month, "06"),
    (is_two_digits, "06"),
    (is_history_depth, "2"),
    (is_blank_or_siren, "130025265"),
]

MAY_BE_BLANK: set[Callable[[str], bool]] = {is_blank_or_siren, is_blank_or_page_size}
"""Rules of optional parameters, that forms send empty."""


def luhn(digits: str) -> bool:
    """The check of Luhn, as its description reads."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2 == 1:
            value *= 2
            if value >= 10:
                value -= 9
        total += value
    return total % 10 == 0


def with_check_digit(digits: str) -> str:
    """The digits, with the last one that makes them pass."""
    return next(digits + last for last in "0123456789" if luhn(digits + last))


digits8 = st.text("0123456789", min_size=8, max_size=8)
digits13 = st.text("0123456789", min_size=13, max_size=13)


# What holds for all.


@pytest.mark.parametrize(("accepts", "value"), VALID)
def test_valid(accepts: Callable[[str], bool], value: str) -> None:
    """An ordinary value is accepted."""
    assert accepts(value)


@pytest.mark.parametrize(("accepts", "value"), VALID)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: f"{value}\n",
        lambda value: f"\n{value}",
        lambda value: f"{value}\r\n",
        lambda value: f"x\n{value}",
        lambda value: f"{value}\nx",
        lambda value: f" {value}",
        lambda value: f"{value} ",
        lambda value: f"{value}\x00",
        lambda value: f"{value}\u200b",
        lambda value: f"+{value}",
        lambda value: f"-{value}",
        lambda value: f"{value[:1]}.{value[1:]}",
        lambda value: f"{value}0000",
        lambda value: value.translate(ARABIC),
        lambda value: value.translate(FULL_WIDTH),
        lambda value: value.translate(SUPERSCRIPT),
        lambda value: value[:-1] + value[-1].translate(ARABIC),
        lambda value: "\ufffd",
    ],
)
def test_nothing_is_normalised(accepts: Callable[[str], bool], value: str, spoil: Callable[[str], str]) -> None:
    """Line ends, spaces, signs, dots and digits of other scripts are refused."""
    assert not accepts(spoil(value))


@pytest.mark.parametrize("accepts", sorted({accepts for accepts, _ in VALID} - MAY_BE_BLANK, key=str))
def test_empty(accepts: Callable[[str], bool]) -> None:
    """Nothing is no identifier."""
    assert not accepts("")


@given(text=st.text(max_size=16))
@settings(max_examples=300, deadline=None)
def test_any_text(text: str) -> None:
    """Whatever the text, each rule has an answer; only ASCII is ever accepted."""
    for accepts in {accepts for accepts, _ in VALID} - MAY_BE_BLANK:
        assert accepts(text) in ({False} if not text.isascii() else {True, False})


# SIREN and SIRET.


@given(value=st.text("0123456789", min_size=9, max_size=9))
@settings(max_examples=500, deadline=None)
def test_siren_is_luhn(value: str) -> None:
    """Nine digits are a SIREN if and only if they pass Luhn."""
    assert is_siren(value) == luhn(value)


@given(body=digits8)
@settings(max_examples=300, deadline=None)
def test_one_check_digit(body: str) -> None:
    """Of the ten numbers with the same first eight digits, one is a SIREN."""
    assert [is_siren(body + last) for last in "0123456789"].count(True) == 1
    assert is_siren(with_check_digit(body))


@given(body=digits13)
@settings(max_examples=300, deadline=None)
def test_siret_is_luhn(body: str) -> None:
    """Fourteen digits that are not La Poste's are a SIRET if and only if they pass Luhn."""
    if not body.startswith("356000000"):
        for last in "0123456789":
            assert is_siret(body + last) == luhn(body + last)


@given(number=st.text("0123456789", min_size=5, max_size=5))
@settings(max_examples=300, deadline=None)
def test_la_poste(number: str) -> None:
    """Every establishment of La Poste is a SIRET, whether it passes Luhn or not."""
    assert is_siret(f"356000000{number}")


@pytest.mark.parametrize("value", ["356000000", "000000000", "130025265", "552032534"])
def test_sirens(value: str) -> None:
    """La Poste's, the sandbox's unknown one and ordinary ones are SIREN."""
    assert is_siren(value)


@pytest.mark.parametrize(
    "value",
    [
        "130025266",
        "13002526",
        "1300252650",
        "130 025 265",
        "130.025.265",
        "13002526S",
        "356000001",
        "1" * 9,
        "1e8000000",
    ],
)
def test_no_sirens(value: str) -> None:
    """A wrong check digit, a wrong length or anything but digits is no SIREN."""
    assert not is_siren(value)


@pytest.mark.parametrize(
    "value",
    [
        "13002526500014",
        "1300252650001",
        "130025265000130",
        "35600000000",
        "3560000001234",
        "356000000123456",
        "35600000112345",
        "3560000001234x",
        "130 025 265 00013",
    ],
)
def test_no_sirets(value: str) -> None:
    """A wrong check digit, a wrong length or anything but digits is no SIRET, La Poste's included."""
    assert not is_siret(value)


@pytest.mark.parametrize("value", ["00000000000000", "13002526500013", "35600000000048", "35600000012345"])
def test_sirets(value: str) -> None:
    """Ordinary ones, the sandbox's unknown one and La Poste's are SIRET."""
    assert is_siret(value)


@given(value=st.one_of(digits13.map(with_check_digit), st.text(max_size=15), st.just("35600000012345")))
@settings(max_examples=200, deadline=None)
def test_recipient_is_a_siret(value: str) -> None:
    """What is remembered of a recipient is what the rule says, at the first and the second time."""
    assert is_recipient(value) == is_siret(value)
    assert is_recipient(value) == is_siret(value)


def test_a_siren_is_no_siret_and_back() -> None:
    """The two are not taken for each other."""
    assert not is_siret("130025265")
    assert not is_siren("13002526500013")


# Associations.


@given(value=st.from_regex(r"\A(W[0-9][A-Z0-9][0-9]{7}|0[0-9]{3}00[0-9]{4})\Z"))
@settings(max_examples=200, deadline=None)
def test_rna(value: str) -> None:
    """`W`, a digit, a digit or capital and seven digits; or the ten digits of the older numbers."""
    assert is_rna(value)
    assert is_siret_or_rna(value)


@given(value=st.text("W0123456789AZaz", min_size=9, max_size=11))
@settings(max_examples=500, deadline=None)
def test_rna_by_its_parts(value: str) -> None:
    """A number is that of an association if and only if each of its parts is right."""
    new = re.match("^W[0-9][A-Z0-9]", value) and len(value) == 10 and set(value[3:]) <= set("0123456789")
    old = len(value) == 10 and value.isdigit() and value[0] == "0" and value[4:6] == "00"
    assert is_rna(value) == bool(new or old)


@pytest.mark.parametrize(
    "value",
    [
        "W26200159",
        "W2620015970",
        "w262001597",
        "W2a2001597",
        "WA62001597",
        "W2É2001597",
        "X262001597",
        "W26200159A",
        "1123004567",
        "0123014567",
        "012300456",
        "01230045678",
        "262001597",
    ],
)
def test_no_rna(value: str) -> None:
    """Anything else is no number of an association."""
    assert not is_rna(value)
    assert not is_siret_or_rna(value)


def test_corsican_association() -> None:
    """The department of an association may hold a letter."""
    assert is_rna("W2A1234567")
    assert is_rna("W9R1000001")


def test_siren_is_neither_siret_nor_rna() -> None:
    """A SIREN does not name an association."""
    assert not is_siret_or_rna("130025265")


@given(value=st.one_of(digits8.map(with_check_digit), digits13.map(with_check_digit), st.text(max_size=15)))
@settings(max_examples=300, deadline=None)
def test_unions(value: str) -> None:
    """A rule that takes several identifiers takes what one of them takes, and nothing else."""
    assert is_siret_or_rna(value) == (is_siret(value) or is_rna(value))
    assert is_siren_or_rna(value) == (is_siren(value) or is_rna(value))
    assert is_siren_or_siret_or_rna(value) == (is_siren(value) or is_siret(value) or is_rna(value))


def test_siret_is_neither_siren_nor_rna() -> None:
    """Where an association goes by its SIREN, a SIRET does not name it."""
    assert not is_siren_or_rna("13002526500013")


# Economic operators.


@given(body=digits13)
@settings(max_examples=200, deadline=None)
def test_french_eori_is_a_siret(body: str) -> None:
    """After `FR` stands a SIRET; without it, the SIRET is completed."""
    siret, wrong = with_check_digit(body), body + str((int(with_check_digit(body)[-1]) + 1) % 10)
    assert is_siret_or_eori(siret)
    assert is_siret_or_eori(f"FR{siret}")
    assert as_eori(siret) == as_eori(f"FR{siret}") == f"FR{siret}"
    if not body.startswith("356000000"):
        assert not is_siret_or_eori(wrong)
        assert not is_siret_or_eori(f"FR{wrong}")


@given(value=st.from_regex(r"\A[A-Z]{2}[A-Za-z0-9]{1,15}\Z").filter(lambda value: not value.startswith("FR")))
@settings(max_examples=200, deadline=None)
def test_foreign_eori(value: str) -> None:
    """Another country's number is its code and fifteen letters or digits at most; it is sent as it is."""
    assert is_siret_or_eori(value)
    assert as_eori(value) == value


@pytest.mark.parametrize(
    "value",
    ["", "D", "DE", "de123", "D1123", "ÉE123", "DE1234567890123456", "FR", "FR130025265", "FRW262001597", "FRx"],
)
def test_no_eori(value: str) -> None:
    """A country alone, small letters, a number that is too long, and `FR` before anything but a SIRET are refused."""
    assert not is_siret_or_eori(value)


@given(value=st.text(max_size=18))
@settings(max_examples=500, deadline=None)
def test_accepted_eori_is_safe_in_a_path(value: str) -> None:
    """Whatever is accepted can stand in a path without being encoded."""
    for text in (value, f"DE{value}", f"FR{value}"):
        assert not is_siret_or_eori(text) or quote(text, safe="") == text


# Periods.


def test_years() -> None:
    """A year is one from 1900 to the current one."""
    this_year = datetime.now(UTC).year
    assert [is_past_year(str(year)) for year in (1899, 1900, this_year, this_year + 1)] == [False, True, True, False]


@pytest.mark.parametrize("value", ["", "24", "024", "02024", "2024.0", "0x7e", "MMXX", "2O24", "1_99", "0000", "9999"])
def test_no_years(value: str) -> None:
    """Anything but four digits is no year."""
    assert not is_past_year(value)


def test_fiscal_years() -> None:
    """A fiscal year is one from 2006 to the year before the current one."""
    this_year = datetime.now(UTC).year
    assert [year for year in range(1990, this_year + 5) if is_fiscal_year(str(year))] == list(range(2006, this_year))


@given(value=st.one_of(st.integers().map(str), st.text("-+0123456789 ", max_size=6), st.text(max_size=4)))
@settings(max_examples=500, deadline=None)
def test_integers(value: str) -> None:
    """A whole number has one spelling: what Python would print for it."""
    try:
        same = str(int(value)) == value
    except ValueError:
        same = False
    assert is_integer(value) == same


@pytest.mark.parametrize("value", ["2021", "0", "-5", "20211", "9" * 5000])
def test_years_of_v2(value: str) -> None:
    """The year of v2 has no range, and no length either."""
    assert is_integer(value)


@pytest.mark.parametrize("value", ["", "-", "-0", "007", "2021.0", "+2021", " 2021", "2021\n", "２０２１", "2_021"])
def test_no_years_of_v2(value: str) -> None:
    """Signs, zeros in front, spaces and digits of other scripts are refused."""
    assert not is_integer(value)


@given(value=st.text("0123456789", max_size=3))
@settings(max_examples=300, deadline=None)
def test_months(value: str) -> None:
    """A month is one of twelve spellings."""
    assert is_month(value) == (value in {"01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"})


@given(value=st.text("0123456789", max_size=3))
@settings(max_examples=100, deadline=None)
def test_months_of_v2(value: str) -> None:
    """In v2 any two digits will do."""
    assert is_two_digits(value) == (len(value) == 2)


def test_history_depths() -> None:
    """A depth is a number from 0 to 13."""
    assert [value for value in map(str, range(-5, 200)) if is_history_depth(value)] == [str(n) for n in range(14)]


@pytest.mark.parametrize(
    "value", ["", "-1", "14", "99", "100", "1.0", "1,0", "a", "0x1", "²", "٣", " 1", "1 ", "+1", "1\n", "True"]
)
def test_no_history_depths(value: str) -> None:
    """An empty value, anything but digits, and numbers beyond 13 are refused."""
    assert not is_history_depth(value)


# Pages.


def test_page_sizes() -> None:
    """A page has from 1 to 1000 certificates."""
    assert [size for size in range(-5, 12_000) if is_blank_or_page_size(str(size))] == list(range(1, 1001))


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_blank_page_size(value: str) -> None:
    """An empty value asks for the usual page."""
    assert is_blank_or_page_size(value)


@pytest.mark.parametrize("value", ["0", "1001", "00010", "-1", "+1", "1.5", "1e2", "ten", "10x", "²", "1_0"])
def test_no_page_sizes(value: str) -> None:
    """Anything but a number of that range is refused."""
    assert not is_blank_or_page_size(value)


# v2.


@given(value=st.text(max_size=8))
@settings(max_examples=100, deadline=None)
def test_social_certificates(value: str) -> None:
    """There is one type of social certificate, in one spelling."""
    assert is_social_certificate(value) == (value == "AVG_UR")


@pytest.mark.parametrize("value", ["", "130025265"])
def test_blank_or_siren(value: str) -> None:
    """The parameter may be empty, or a SIREN."""
    assert is_blank_or_siren(value)


@pytest.mark.parametrize("value", [" ", "130025266", "13002526500013", "-", "null", "0"])
def test_neither_blank_nor_siren(value: str) -> None:
    """Anything else is refused."""
    assert not is_blank_or_siren(value)


@given(text=st.text())
@settings(max_examples=50, deadline=None)
def test_anything(text: str) -> None:
    """Some parameters are never refused."""
    assert is_anything(text)
