"""Ordinary queries about a person: whatever a call sends, they say what the rules say, or nothing."""

from collections.abc import Callable
from datetime import date
from typing import Final
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.contract.person.families import RULES
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.contract.person.ordinary import ordinary_queries
from apientreprise_gateway.contract.pseudonym import basis
from apientreprise_gateway.contract.query import encoded, read_all

TODAY: Final = date(2026, 11, 29)
WANTED: Final = frozenset({"recipient", "token"})
FAMILIES: Final = {name: (rules, found) for name, rules in RULES.items() if (found := ordinary_queries(rules))}
STUDENT: Final = (
    b"recipient=13002526500013&prenoms%5B%5D=LEA&prenoms%5B%5D=ZOE&sexeEtatCivil=F&nomNaissance=DUPONT"
    b"&anneeDateNaissance=2004&moisDateNaissance=2&jourDateNaissance=28&codeCogInseeCommuneNaissance=35238"
)
BY_INE: Final = b"ine=0123456789A&recipient=13002526500013"
PARENT: Final = STUDENT + b"&codeCogInseePaysNaissance=99100"


def is_ordinary(family: str, query: bytes) -> bool:
    """Whether a query is read in one pass; what it says then is what the rules say."""
    rules, ordinary = FAMILIES[family]
    found = ordinary.find(query)
    if found is None:
        return False
    every = read_all(query, rules.names | WANTED)
    assert {name: every[name][-1] for name in WANTED if name in every} == {"recipient": found[-1]}
    asked = rules.read(every, TODAY)
    assert isinstance(asked, Asked)
    assert ordinary.written(found) == encoded(asked.parameters)
    assert ordinary.basis(found) == basis(asked.identity)
    return True


@pytest.mark.parametrize(
    ("family", "query"),
    [
        ("mesri", STUDENT),
        ("mesri", STUDENT.replace(b"%5B%5D", b"[]")),
        ("mesri", STUDENT.replace(b"Naissance=2&", b"Naissance=02&")),
        ("mesri", STUDENT.replace(b"DUPONT", b"LE+GOFF-DUPONT")),
        ("mesri", STUDENT.replace(b"DUPONT", b"D%27ANGELO")),
        ("mesri", STUDENT.replace(b"LEA", b"L%C3%A9a")),
        ("mesri", STUDENT.replace(b"&codeCogInseeCommuneNaissance=35238", b"")),
        ("mesri", STUDENT + b"&nomNaissance=DURAND&sexeEtatCivil=M"),
        ("mesri", b"&".join(reversed(STUDENT.split(b"&")))),
        ("cnav", PARENT),
        ("cnav", PARENT + b"&nomUsage=D"),
        ("quotient", PARENT),
        ("cnous", STUDENT),
        ("grants", STUDENT),
        ("grants_v5", STUDENT),
        ("ine", BY_INE),
        ("ine", b"&".join(reversed(BY_INE.split(b"&")))),
        ("ine", BY_INE.replace(b"0123456789A", b"2345A67890B")),
        ("ine", BY_INE + b"&ine=123456789HH"),
    ],
)  # fmt: skip
def test_what_is_ordinary(family: str, query: bytes) -> None:
    """Plain values, in any order, in the usual encodings."""
    assert is_ordinary(family, query)


LEFT: Final = {
    "mesri": [
        b"",
        b"recipient=13002526500013",
        STUDENT.replace(b"13002526500013", b"1300252650001"),
        STUDENT.replace(b"LEA", b"L%C3%A9a%00"),
        STUDENT.replace(b"LEA", b"Le%CC%81a"),
        STUDENT.replace(b"LEA", b"L\xe9a"),
        STUDENT.replace(b"LEA", b""),
        STUDENT.replace(b"LEA", b"A" * 300),
        STUDENT.replace(b"DUPONT", b"+DUPONT"),
        STUDENT.replace(b"DUPONT", b"LE++GOFF"),
        STUDENT.replace(b"DUPONT", b"DUP%4FNT"),
        STUDENT.replace(b"DUPONT", b"DUPONT%C3%97"),
        STUDENT.replace(b"sexeEtatCivil=F", b"sexeEtatCivil=f"),
        STUDENT.replace(b"nomNaissance", b"nom%4eaissance"),
        STUDENT.replace(b"Naissance=28", b"Naissance=29"),
        STUDENT.replace(b"&jourDateNaissance=28", b""),
        STUDENT.replace(b"=2004", b"=2026"),
        STUDENT + b"&prenoms%5B%5D=ANNE",
        STUDENT + b"&nomNaissance=",
        STUDENT + b"&nomCommuneNaissance=Rennes",
        STUDENT + b"&autre=1",
        STUDENT + b"&token=1",
        STUDENT + b"&prenoms%5B%5D=A" * 40,
        STUDENT + b"&sexeEtatCivil=F" * 100,
    ],
    "ine": [
        b"ine=0123456789A",
        BY_INE.replace(b"0123456789A", b"0123456789a"),
        BY_INE.replace(b"0123456789A", b"+0123456789A"),
        BY_INE.replace(b"0123456789A", b"012345678%39A"),
        BY_INE.replace(b"0123456789A", b"0123456789O"),
        BY_INE.replace(b"0123456789A", b"0123456789AB"),
        BY_INE.replace(b"0123456789A", b"\xd9\xa0123456789A"),
        BY_INE + b"&ine=",
        BY_INE + b"&ine=0",
        BY_INE + b"&campaignYear=2024",
        BY_INE + b"&nomNaissance=DUPONT",
    ],
}


@pytest.mark.parametrize(("family", "query"), [(family, query) for family, left in LEFT.items() for query in left])
def test_what_is_left_to_the_rules(family: str, query: bytes) -> None:
    """Whatever needs cleaning, is wrong, or is given in another way."""
    assert not is_ordinary(family, query)


def test_a_commune_may_be_needed() -> None:
    """A family that needs the commune of those born in France has it in its ordinary queries."""
    assert not is_ordinary("cnav", PARENT.replace(b"codeCogInseeCommuneNaissance=35238&", b""))


def test_which_families_have_ordinary_queries() -> None:
    """Those of an INE, and of civil statuses without an age or a school to judge, whose dates and first names are no
    single text."""
    assert FAMILIES.keys() == {
        "ine", "grants_ine", "cnav", "quotient", "cnous", "grants", "grants_v5", "mesri", "gip_mds", "cnav_v2",
        "quotient_v2",
    }  # fmt: skip


# Laws.

_VALUES: Final = st.sampled_from(
    ["DUPONT", "LEA", "Le Goff", "Léa", "Le\u0301a", "L'Œuvre", "O'Neil", "Jean-Paul", "F", "f", "M", "2004", "02004",
     "1900", "1899", "2019", "2027", "2", "02", "002", "12", "13", "28", "29", "30", "31", "0", "99100", "99243",
     "92352", "35238",
     "0123456789A", "0123456789a",
     "2A004", "20001", "2025", "2026", "11", "13002526500013", "", " ", "\x00", "a\u200bb", "A" * 41,
     "é" * 9, "A" * 300, "%", "=", "&", "+", "[]=", "×", "\ufffd", "a=b"]
)  # fmt: skip
_ANY: Final = st.text(max_size=6) | st.text("aÉé\u0301 -'+%&=[]~_.×÷", max_size=8)
_RAW: Final = st.sampled_from(
    ["%", "%4", "%C3", "%c3%a9", "%C3%A9", "%C3%97", "%F0%28", "+", "++A", "A+", "\xe9", "A=B", "[]", "'", "%27"]
)
_WRITTEN: Final = (
    st.tuples(_VALUES | _VALUES | _ANY, st.sampled_from([quote_plus, quote_plus, quote])).map(
        lambda each: each[1](each[0], errors="surrogatepass")
    )
    | _RAW
)
_SPELLINGS: Final[tuple[Callable[[str], str], ...]] = (quote_plus, str, lambda name: name.replace("o", "%6f"))


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, bytes]:
    """A family, and a query that is an ordinary one of it in some parameters, or all, and anything in others."""
    family = draw(st.sampled_from(sorted(FAMILIES)))
    rules, _ = FAMILIES[family]
    names = sorted(rules.names | WANTED)
    usual = dict(pair.split("=") for pair in PARENT.decode().replace("%5B%5D", "[]").split("&"))
    usual |= {"anneeDateDeNaissance": "2004", "moisDateDeNaissance": "2", "jourDateDeNaissance": "28", "sexe": "F"}
    usual |= {"codePaysLieuDeNaissance": "99100", "codeInseeLieuDeNaissance": "35238"}
    pairs = [(quote_plus(name), quote_plus(usual[name])) for name in names if name in usual]
    changes = draw(
        st.lists(st.tuples(st.sampled_from([*names, "autre", ""]), st.sampled_from(_SPELLINGS), _WRITTEN), max_size=3)
    )
    for name, spelling, value in changes:
        if draw(st.booleans()):
            pairs = [pair for pair in pairs if pair[0] != quote_plus(name)]
        pairs.insert(draw(st.integers(0, len(pairs))), (spelling(name), value))
    if draw(st.booleans()):
        pairs = draw(st.permutations(pairs))
    text = "&".join(f"{name}={value}" for name, value in pairs) + draw(
        st.sampled_from(["", "", "", "&", "&&", "&x", "=", "\x00", "\n"])
    )
    return family, text.encode("latin-1", "replace")


@given(queries())
@settings(max_examples=400, deadline=None)
def test_an_ordinary_query_says_what_the_rules_say(example: tuple[str, bytes]) -> None:
    """Values, order, encoding, digest and traceability are those that the rules find."""
    is_ordinary(*example)


@given(st.sampled_from(sorted(FAMILIES)), st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_bytes_may_come(family: str, query: bytes) -> None:
    """Whatever the bytes, nothing is raised."""
    is_ordinary(family, query)


@pytest.mark.parametrize(
    "query",
    [
        b"prenoms%5B%5D=A+A+A+A+A+A+A+A&" * 540,
        b"&".join([b"prenoms%5B%5D=A+A+A+A&" * 30 + STUDENT] * 15),
        b"nomNaissance=" + b"A" * 16_000,
        b"nomNaissance=" + b"%C3%A9" * 2600,
        STUDENT.replace(b"recipient", b"recipients") + b"&prenoms%5B%5D=A+A+A+A+A+A+A+A" * 32,
        STUDENT[24:] * 60,
    ],
)
def test_a_query_of_any_length_is_given_up(query: bytes) -> None:
    """What nearly matches to its end, up to the longest query there can be, is found out: nothing is tried again."""
    assert not any(is_ordinary(family, query + b"&!") for family in FAMILIES)
