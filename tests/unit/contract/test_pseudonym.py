"""The digests of persons."""

import hmac
from datetime import date
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.contract.person import families
from apientreprise_gateway.contract.person.identity import Asked, Identity
from apientreprise_gateway.contract.person.reading import Query
from apientreprise_gateway.contract.person.rules import IdentityRules
from apientreprise_gateway.contract.person.search import searched_for
from apientreprise_gateway.contract.pseudonym import Pseudonyms, basis, frame

TODAY: Final = date(2026, 11, 28)
PSEUDONYMS: Final = Pseudonyms(bytes(range(32)))
LEA: Final = Identity(
    birth_name="Dupont", first_names=("Léa", "Zoé"), birth_year=2004, birth_month=2, birth_day=29, sex="F"
)
COUNTED: Final = {"birth_name", "first_names", "birth_year", "birth_month", "birth_day"}
NUMBERS: Final = {"ine", "allowance_number", "identifier"}


def digest(rules: IdentityRules, query: Query) -> str | None:
    """The digest of who a query is about."""
    found = rules.read(query, TODAY)
    assert isinstance(found, Asked), found
    return PSEUDONYMS.of(found.identity)


def test_the_digest_is_what_it_is_said_to_be() -> None:
    """HMAC-SHA256 under the key, over the parts that count, each after its length."""
    message = "28:apientreprise-gateway person12:civil_status6:Dupont9:2004-2-293:Léa3:Zoé".encode()
    assert PSEUDONYMS.of(LEA) == hmac.digest(bytes(range(32)), message, "sha256").hex()


def test_nothing_else_counts() -> None:
    """Sex, places, names in use and all else make no difference."""
    others = dict.fromkeys(set(Identity._fields) - COUNTED - NUMBERS, "x")
    assert len(others) > 5
    assert PSEUDONYMS.of(LEA._replace(**others)) == PSEUDONYMS.of(LEA)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        LEA._replace(birth_name="DUPONT"),
        LEA._replace(first_names=("Zoé", "Léa")),
        LEA._replace(first_names=("Léa",)),
        LEA._replace(first_names=("Léa Zoé",)),
        LEA._replace(birth_year=2000),
        LEA._replace(birth_month=None),
        LEA._replace(birth_day=None),
        Identity(ine="Dupont"),
        Identity(identifier="Dupont"),
        Identity(allowance_number="Dupont"),
    ],
)
def test_what_counts_makes_a_difference(other: Identity) -> None:
    """Another name, order, date or kind is another digest."""
    assert PSEUDONYMS.of(other) != PSEUDONYMS.of(LEA)


def test_another_key_gives_other_digests() -> None:
    """Without the key, nobody can tell whose digest it is."""
    assert Pseudonyms(bytes(32)).of(LEA) != PSEUDONYMS.of(LEA)


@pytest.mark.parametrize("identity", [Identity(), Identity(plate="AB-123-CD"), Identity(birth_year=2004, sex="F")])
def test_who_names_nobody_has_no_digest(identity: Identity) -> None:
    """A plate, or a date alone, is nobody."""
    assert PSEUDONYMS.of(identity) is None


def test_one_person_has_one_digest_everywhere() -> None:
    """Operations and versions that are given the same identity give the same digest."""
    v3 = {
        "nomNaissance": ["Dupont"],
        "prenoms[]": ["Léa"],
        "anneeDateNaissance": ["2004"],
        "moisDateNaissance": ["2"],
        "jourDateNaissance": ["29"],
        "sexeEtatCivil": ["F"],
        "codeCogInseePaysNaissance": ["99351"],
    }
    v2 = {"nom": ["Dupont"], "dateDeNaissance": ["2004-02-29"], "sexe": ["f"]}
    cnav_v2 = {
        "nomNaissance": ["Dupont"],
        "prenoms[]": ["Le\u0301a"],
        "anneeDateDeNaissance": ["2004"],
        "moisDateDeNaissance": ["02"],
        "jourDateDeNaissance": ["29"],
    }
    digests = {
        *(digest(rules, v3) for rules in (families.CNAV, families.CNOUS, families.MESRI, families.DSNJ)),
        digest(families.GIP_MDS, v3),
        digest(families.MESRI_V2, {**v2, "prenom": ["Léa"]}),
        digest(families.CNOUS_V2, {**v2, "prenoms": [" Léa "]}),
        digest(families.CNAV_V2, cnav_v2),
        PSEUDONYMS.of(searched_for(["nomNaissance=Dupont", "prenoms=Léa", "dateNaissance=2004-02-29"], TODAY)),
    }
    assert len(digests) == 1
    assert None not in digests


def test_a_number_has_one_digest_everywhere() -> None:
    """A call by INE is the same in each version, however it is spelt, and as it is searched for."""
    query = {"ine": ["0100008010j"]}
    rules = (families.CNOUS_INE, families.MESRI_V2, families.CNOUS_V2)
    searched = searched_for(["ine=0100008010j"], TODAY)
    assert {digest(each, query) for each in rules} == {PSEUDONYMS.of(searched)}


texts = st.text("ab\x00\x01\x02", max_size=3)
parts = st.none() | st.integers(1, 12)
civil = st.builds(
    lambda name, names, year, month, day: Identity(
        birth_name=name, first_names=tuple(names), birth_year=year, birth_month=month, birth_day=day
    ),
    *(texts, st.lists(texts, max_size=4), parts, parts, parts),
)
numbers = st.builds(
    lambda kind, number: Identity()._replace(**{kind: number}), st.sampled_from(sorted(NUMBERS)), texts.filter(bool)
)
identities = civil | numbers


@given(identities, identities)
def test_no_two_identities_are_digested_alike(one: Identity, other: Identity) -> None:
    """What is digested tells every two identities apart that somebody can be."""
    first, second = basis(one), basis(other)
    assert (first == second) == (one == other) or first == second == ""


@given(st.lists(texts, max_size=5), st.lists(texts, max_size=5))
def test_frames_are_unambiguous(one: list[str], other: list[str]) -> None:
    """Two lists of texts have the same frame if they are the same list."""
    assert (frame(*one) == frame(*other)) == (one == other)
