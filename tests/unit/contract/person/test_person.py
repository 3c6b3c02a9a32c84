"""Identities: what is accepted, what is refused with which errors, and the one form of all spellings."""

import re
import time
import unicodedata
from datetime import date
from typing import Final

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from apientreprise_gateway.contract.person import families
from apientreprise_gateway.contract.person.codes import PERSON_ERRORS
from apientreprise_gateway.contract.person.fields import MOST_FIRST_NAMES
from apientreprise_gateway.contract.person.identity import Asked, Identity
from apientreprise_gateway.contract.person.reading import Query
from apientreprise_gateway.contract.person.rules import IdentityRules
from apientreprise_gateway.contract.person.texts import LONGEST, clean
from apientreprise_gateway.contract.query import UNDECODABLE, read_all

TODAY: Final = date(2026, 11, 28)
NAME: Final = re.compile("[a-zA-ZÀ-ÖØ-öø-ÿ' -]+")
ALL: Final = {
    name: rules for name, rules in vars(families).items() if isinstance(rules, IdentityRules) and name[0] != "_"
}
STUDENT: Final[Query] = {
    "nomNaissance": ["Dupont"],
    "prenoms[]": ["Léa", "Zoé"],
    "anneeDateNaissance": ["2004"],
    "moisDateNaissance": ["2"],
    "jourDateNaissance": ["29"],
    "sexeEtatCivil": ["F"],
}
PARENT: Final[Query] = {
    **STUDENT,
    "codeCogInseePaysNaissance": ["99100"],
    "codeCogInseeCommuneNaissance": ["75056"],
}


def asked(rules: IdentityRules, query: Query) -> Asked:
    """What a query asks that nothing is wrong with."""
    found = rules.read(query, TODAY)
    assert isinstance(found, Asked), found
    return found


def faults(rules: IdentityRules, query: Query) -> list[tuple[str, str]]:
    """What is wrong with a query."""
    found = rules.read(query, TODAY)
    return [] if isinstance(found, Asked) else [(fault.code, fault.parameter) for fault in found]


def each(rules: IdentityRules, *values: str) -> Query:
    """A query that gives all parameters of some rules the same values."""
    return {name: list(values) for name in rules.names}


def without(query: Query, *names: str) -> Query:
    """A query without some parameters."""
    return {name: values for name, values in query.items() if name not in names}


def test_what_is_asked() -> None:
    """Parameters come out under their names in one order, arrays in theirs; the identity has the parts."""
    found = asked(families.CNAV, dict(reversed(list(PARENT.items()))))
    assert found.parameters == (
        ("nomNaissance", "Dupont"),
        ("prenoms[]", "Léa"),
        ("prenoms[]", "Zoé"),
        ("anneeDateNaissance", "2004"),
        ("moisDateNaissance", "2"),
        ("jourDateNaissance", "29"),
        ("sexeEtatCivil", "F"),
        ("codeCogInseePaysNaissance", "99100"),
        ("codeCogInseeCommuneNaissance", "75056"),
    )
    assert found.identity == Identity(
        birth_name="Dupont",
        first_names=("Léa", "Zoé"),
        birth_year=2004,
        birth_month=2,
        birth_day=29,
        sex="F",
        birth_country="99100",
        birth_commune="75056",
    )
    assert "Dupont" not in repr(found)
    assert "Dupont" not in str(found.identity)


SPELLINGS: Final[list[Query]] = [
    {**STUDENT, "nomNaissance": ["  Dupont\t"]},
    {**STUDENT, "nomNaissance": ["Martin", "Dupont"]},
    {**STUDENT, "prenoms[]": ["Le\u0301a", "", "\u00a0Zoé "]},
    {**STUDENT, "anneeDateNaissance": ["02004"], "moisDateNaissance": ["02"], "jourDateNaissance": [" 29 "]},
    {**STUDENT, "sexeEtatCivil": ["f"]},
    {**STUDENT, "nomUsage": ["x1"], "codeCogInseeCommuneNaissance": [" "], "inconnu": ["1"]},
]


@pytest.mark.parametrize("query", SPELLINGS)
def test_spellings_of_one_identity_are_equal(query: Query) -> None:
    """Blanks, forms of accents, zeros, small letters, blank and unknown parameters make no difference."""
    assert asked(families.MESRI, query) == asked(families.MESRI, STUDENT)


def test_the_order_of_first_names_makes_a_difference() -> None:
    """First names keep their order, and one of two words is not two."""
    one, other, joined = (
        asked(families.MESRI, {**STUDENT, "prenoms[]": names})
        for names in (["Léa", "Zoé"], ["Zoé", "Léa"], ["Léa Zoé"])
    )
    assert len({one, other, joined}) == 3


WRONG: Final[list[tuple[str, Query, list[tuple[str, str]]]]] = [
    ("MESRI", {}, [
        ("00420", "nomNaissance"), ("00421", "prenoms[]"), ("00422", "anneeDateNaissance"),
        ("00423", "moisDateNaissance"), ("00424", "jourDateNaissance"), ("00427", "sexeEtatCivil"),
    ]),
    ("CNAV", {}, [("00420", "nomNaissance"), ("00400", "codeCogInseePaysNaissance")]),
    ("CNAV", {**PARENT, "nomUsage": ["D4"]}, [("00361", "nomUsage")]),
    ("CNAV", {**PARENT, "prenoms[]": ["Léa", "R2"]}, [("00367", "prenoms[]")]),
    ("CNAV", {**PARENT, "moisDateNaissance": ["13"]}, [("00363", "moisDateNaissance")]),
    ("CNAV", {**PARENT, "jourDateNaissance": ["30"]}, [("00363", "anneeDateNaissance")]),
    ("CNAV", {**PARENT, "anneeDateNaissance": ["1899"], "jourDateNaissance": ["1"]}, [("00363", "anneeDateNaissance")]),
    ("CNAV", without(PARENT, "codeCogInseeCommuneNaissance"), [("00365", "codeCogInseeCommuneNaissance")]),
    ("CNAV", {**PARENT, "codeCogInseeCommuneNaissance": ["20001"]}, [("00365", "codeCogInseeCommuneNaissance")]),
    ("CNAV", {**PARENT, "codeCogInseePaysNaissance": ["75056"], "sexeEtatCivil": ["X"]},
     [("00427", "sexeEtatCivil"), ("00400", "codeCogInseePaysNaissance")]),
    ("MESRI", {**STUDENT, "anneeDateNaissance": ["2005"]}, [("00425", "anneeDateNaissance")]),
    ("MESRI", {**STUDENT, "nomNaissance": ["李"], "sexeEtatCivil": ["ſ"]},
     [("00420", "nomNaissance"), ("00427", "sexeEtatCivil")]),
    ("MESRI", {**STUDENT, "codeCogInseeDepartementNaissance": ["96"]},
     [("00428", "codeCogInseeDepartementNaissance")]),
    ("MESRI_INE", {"ine": ["697720085AO"]}, [("00360", "ine")]),
    ("DSNJ", {**PARENT, "anneeDateNaissance": ["1999"], "jourDateNaissance": ["1"]}, [("39400", "anneeDateNaissance")]),
    ("FRANCE_TRAVAIL", {"identifiant": [" "]}, [("00380", "identifiant")]),
    ("SDH", {"identifiant": ["12A"]}, [("00380", "identifiant")]),
    ("ANTS", {}, [("00430", "immatriculation")]),
    ("CNAF_V2", {"numeroAllocataire": ["1234"], "codePostal": ["750016"]},
     [("00352", "numeroAllocataire"), ("00351", "codePostal")]),
    ("QUOTIENT", {**PARENT, "annee": ["2023"], "mois": ["0"]}, [("00356", "annee"), ("00354", "mois")]),
    ("QUOTIENT", {**PARENT, "annee": ["2026"], "mois": ["12"]}, [("00354", "mois")]),
    ("CNOUS_V2", {"nom": ["Dupont"], "dateDeNaissance": ["29/02/2004"]},
     [("00367", "prenoms"), ("00363", "dateDeNaissance")]),
    ("CNOUS_V2", {"ine": ["1"], "nom": ["Dupont"]}, [("00360", "ine")]),
    ("MEN_V2", {}, [("00361", "nom"), ("00362", "prenom"), ("00364", "sexe"), ("00363", "dateNaissance"),
                    ("00410", "codeEtablissement"), ("00411", "anneeScolaire")]),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "query", "expected"), WRONG)
def test_all_that_is_wrong_is_told(rules: str, query: Query, expected: list[tuple[str, str]]) -> None:
    """Everything that is wrong is told at once, in the order of the rules, with code and parameter."""
    assert faults(ALL[rules], query) == expected


RIGHT: Final[list[tuple[str, Query]]] = [
    ("CNAV", without(PARENT, "prenoms[]", "sexeEtatCivil", "jourDateNaissance", "anneeDateNaissance")),
    ("CNAV", {**without(PARENT, "codeCogInseeCommuneNaissance"), "codeCogInseePaysNaissance": ["99351"]}),
    ("CNAV", {**without(PARENT, "codeCogInseeCommuneNaissance"), "codeCogInseePaysNaissance": ["92352"]}),
    ("CNAV", {**PARENT, "codeCogInseeCommuneNaissance": [""], "nomCommuneNaissance": ["Ajaccio"],
              "codeCogInseeDepartementNaissance": ["2A"]}),
    ("CNOUS", without(STUDENT, "sexeEtatCivil")),
    ("MESRI", {**STUDENT, "prenoms[]": ["张"]}),
    ("MESRI", {**STUDENT, "nomNaissance": ["D'Açaï-de l'Œuvre".replace("Œ", "Æ")]}),
    ("MESRI_INE", {"ine": ["0100008010j"]}),
    ("DSNJ", {**without(PARENT, "codeCogInseeCommuneNaissance"), "anneeDateNaissance": ["2008"]}),
    ("QUOTIENT", {**PARENT, "annee": ["2024"], "mois": ["12"]}),
    ("MESRI_V2", {"ine": ["012345678AA"]}),
    ("MESRI_V2", {"nom": ["Dupont"], "prenom": ["Léa"], "dateDeNaissance": ["2004-2-29"], "sexe": ["m"]}),
    ("CNAV_V2", {"nomNaissance": ["Dupont"], "prenoms[]": ["Léa"]}),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "query"), RIGHT)
def test_what_is_accepted(rules: str, query: Query) -> None:
    """What a family of operations leaves open may be absent."""
    assert faults(ALL[rules], query) == []


@pytest.mark.parametrize(
    ("birth", "is_right"),
    [("2010-11-28", True), ("2010-11-29", False), ("2000-11-29", True), ("2000-11-28", False)],
)
def test_ages_for_national_service(birth: str, is_right: bool) -> None:
    """Who is 16 today is old enough, who is 26 today is too old."""
    year, month, day = birth.split("-")
    query = {**PARENT, "anneeDateNaissance": [year], "moisDateNaissance": [month], "jourDateNaissance": [day]}
    assert (faults(families.DSNJ, query) == []) == is_right


@pytest.mark.parametrize(("birth", "is_right"), [("27", True), ("28", False)])
def test_nobody_is_asked_about_who_is_born_today(birth: str, is_right: bool) -> None:
    """The funds know nobody before the day after birth."""
    query = {**PARENT, "anneeDateNaissance": ["2026"], "moisDateNaissance": ["11"], "jourDateNaissance": [birth]}
    assert (faults(families.CNAV, query) == []) == is_right


SCHOOL: Final[Query] = {**STUDENT, "anneeScolaire": ["2025-2026"]}
AREA: Final[Query] = {"degreEtablissement": ["1d"], "codesBcnRegions[]": ["10", "02"]}


@pytest.mark.parametrize(
    ("search", "codes"),
    [
        ({"codeEtablissement": ["0890003v"]}, []),
        ({"codeEtablissement": ["890003V"]}, ["00410"]),
        ({}, ["00415"]),
        (AREA, []),
        ({**AREA, "codesBcnRegions[]": []}, ["00414"]),
        ({**AREA, "codesBcnRegions[]": ["19"]}, ["00417"]),
        ({**AREA, "codesBcnRegions[]": ["10"] * 1000}, ["00417"]),
        ({**AREA, "degreEtablissement": ["3D"]}, ["00412"]),
        ({**AREA, "codesBcnDepartements[]": ["075"]}, ["00413"]),
        ({"degreEtablissement": ["2D"], "codesBcnDepartements[]": ["075", "02A"]}, []),
        ({"degreEtablissement": ["2D"], "codesBcnDepartements[]": ["Paris"]}, ["00416"]),
        ({**AREA, "codeEtablissement": ["0890003V"]}, ["00419"]),
    ],
)
def test_where_a_pupil_is_looked_for(search: Query, codes: list[str]) -> None:
    """In one school, or in the schools of one degree in departments or in regions, not in both."""
    assert [code for code, _ in faults(families.MEN, {**SCHOOL, **search})] == codes


BAD: Final = ["\ud83d", f"a{UNDECODABLE}", "a\x00b", "a\u200bb", "a\u202eb", "x" * (LONGEST + 1), "\ue000"]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("rules", ALL)
def test_what_is_no_text_is_refused_everywhere(rules: str, value: str) -> None:
    """Halves of characters, bytes that are no UTF-8, characters that nobody sees and long texts are no value."""
    for name in ALL[rules].names:
        query = {**each(ALL[rules], "1"), name: [value]}
        found = faults(ALL[rules], query)
        assert found
        assert value not in str(found)


@pytest.mark.parametrize("rules", ALL)
def test_large_values_cost_little(rules: str) -> None:
    """A megabyte in each parameter, or a thousand values, is refused at once."""
    started = time.process_time()
    assert faults(ALL[rules], each(ALL[rules], "é" * 1_000_000))
    assert faults(ALL[rules], each(ALL[rules], "1 " * 500_000))
    ALL[rules].read(each(ALL[rules], *["\u0301" * LONGEST] * 1000), TODAY)
    assert time.process_time() - started < 0.1


def test_a_thousand_first_names_are_too_many() -> None:
    """There may be as many first names as anybody has, and no more."""
    assert faults(families.MESRI, {**STUDENT, "prenoms[]": ["Léa"] * MOST_FIRST_NAMES}) == []
    assert faults(families.MESRI, {**STUDENT, "prenoms[]": ["Léa"] * 1000}) == [("00421", "prenoms[]")]


def test_every_code_has_its_words() -> None:
    """Whatever the rules may refuse with has a status and words; one is a provider's own."""
    found = {code for rules in ALL.values() for code, _ in faults(rules, each(rules, "\x00"))}
    found |= {code for _, _, expected in WRONG for code, _ in expected}
    assert found - {"39400"} <= PERSON_ERRORS.keys()


def test_a_query_is_read_to_an_identity() -> None:
    """From bytes to an identity: arrays in their order, brackets encoded or not."""
    query = (
        b"prenoms%5B%5D=L%C3%A9a&nomNaissance=Dupont&prenoms[]=Zo%C3%A9&anneeDateNaissance=2004"
        b"&moisDateNaissance=02&jourDateNaissance=29&sexeEtatCivil=f"
    )
    assert asked(families.MESRI, read_all(query, families.MESRI.names)) == asked(families.MESRI, STUDENT)


# Laws.

texts = st.text(max_size=12) | st.text("aéE\u0301 -'\tß1", max_size=12)
plausible = st.sampled_from(
    ["Dupont", "Léa", "Le\u0301a", " Léa  Marie", "F", "m", "2004", "02", "29", "99100", "75056", "2A", "1d",
     "012345678aa", "1234567", "75001", "ab-123-cd", "0890003v", "2025", "2004-02-29", "10"]
)  # fmt: skip
values = st.lists(plausible | texts, max_size=3)
queries = st.sampled_from(sorted(ALL)).flatmap(
    lambda name: st.tuples(st.just(ALL[name]), st.dictionaries(st.sampled_from(sorted(ALL[name].names)), values))
)


def again(found: Asked) -> Query:
    """The canonical parameters, as a query."""
    query: dict[str, list[str]] = {}
    for name, value in found.parameters:
        query.setdefault(name, []).append(value)
    return query


@given(queries)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_canonical_forms_are_their_own(example: tuple[IdentityRules, Query]) -> None:
    """What has been read is read again as the same: nothing is canonicalised twice to something else."""
    rules, query = example
    found = rules.read(query, TODAY)
    if isinstance(found, Asked):
        assert asked(rules, again(found)) == found


@given(texts)
def test_cleaning_twice_changes_nothing(value: str) -> None:
    """A cleaned text is in NFC, has no blanks to remove, and stays as it is."""
    cleaned = clean(value)
    if cleaned is not None:
        assert clean(cleaned) == cleaned == unicodedata.normalize("NFC", cleaned)
        assert cleaned == cleaned.strip()
        assert "  " not in cleaned


@given(texts, st.sampled_from(["NFC", "NFD"]), st.text(" \t\u00a0", max_size=3))
def test_forms_of_a_name_are_one(name: str, form: str, blanks: str) -> None:
    """However accents are written and blanks stand around it, a name is the same or refused."""
    spelt = blanks + unicodedata.normalize(form, name) + blanks  # type: ignore[arg-type]
    assume(clean(name) is not None)
    assert families.MESRI.read({**STUDENT, "nomNaissance": [spelt]}, TODAY) == families.MESRI.read(
        {**STUDENT, "nomNaissance": [name]}, TODAY
    )


@given(st.dictionaries(st.sampled_from(sorted(families.CNAV.names)), values))
@settings(deadline=None)
def test_nothing_accepted_breaks_a_published_rule(query: Query) -> None:
    """What is accepted is what the published expressions accept."""
    found = families.CNAV.read({**PARENT, **query}, TODAY)
    if not isinstance(found, Asked):
        return
    identity = found.identity
    assert all(NAME.fullmatch(name) for name in (identity.birth_name, *identity.first_names))
    assert identity.sex in {"", "M", "F"}
    assert re.fullmatch(r"99[0-9]{3}|92352", identity.birth_country)
    assert re.fullmatch(r"|([013-9][0-9]|2[AB1-9])[0-9]{3}", identity.birth_commune)
    assert identity.birth_commune or identity.birth_country != "99100" or identity.birth_department


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdz", min_size=10, max_size=12))
def test_student_numbers_are_of_a_published_form(ine: str) -> None:
    """A number is accepted as the published expressions do, in capitals or not."""
    published = r"[0-9]{9}[A-HJK]{2}|\d{10}[A-HJ-NPR-Z]|[0-9A-Z]{10}\d|\d{4}A\d{5}[A-HJ-NPR-Z]"
    is_right = re.fullmatch(published, ine, re.IGNORECASE) is not None
    assert (faults(families.MESRI_INE, {"ine": [ine]}) == []) == is_right
