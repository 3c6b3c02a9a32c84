"""Whom a journal is searched for."""

from datetime import date

import pytest

from apientreprise_gateway.contract.person.identity import Identity
from apientreprise_gateway.contract.person.search import searched_for

TODAY = date(2026, 11, 28)
LEA = Identity(birth_name="DURAND", first_names=("Léa", "Zoé"), birth_year=2004, birth_month=2, birth_day=29)


@pytest.mark.parametrize(
    ("arguments", "identity"),
    [
        (["nomNaissance=DURAND", "prenoms=Léa,Zoé", "dateNaissance=2004-02-29"], LEA),
        (["prenoms=Léa", "prenoms=Zoé", "nomNaissance= DURAND", "dateNaissance=2004-2-29"], LEA),
        (
            [
                "nomNaissance=DURAND",
                "prenoms[]=Léa,Zoé",
                "anneeDateNaissance=2004",
                "moisDateNaissance=02",
                "jourDateNaissance=29",
            ],
            LEA,
        ),
        (["nomNaissance=Œdipe"], Identity(birth_name="Œdipe")),
        (["ine=0100008010j"], Identity(ine="0100008010J")),
        (["numeroAllocataire=1234567"], Identity(allowance_number="1234567")),
        (["identifiant=a=b"], Identity(identifier="a=b")),
    ],
)
def test_what_an_operator_gives(arguments: list[str], identity: Identity) -> None:
    """A number, or a civil status with what was given of it, first names and date in either form."""
    assert searched_for(arguments, TODAY) == identity


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["DURAND"], "write name=value"),
        (["nom=DURAND"], "write name=value"),
        ([], "not valid: nomNaissance"),
        (["nomNaissance=DURAND", "dateNaissance=2004-02-30"], "not valid: dateNaissance"),
        (["ine=DURAND"], "not valid: ine"),
        (["ine=0100008010J", "nomNaissance=DURAND"], "nomNaissance: give one number"),
        (["ine=0100008010J", "identifiant=DURAND"], "identifiant: give one number"),
        (["nomNaissance=DURAND", "dateNaissance=2004-02-29", "jourDateNaissance=29"], "jourDateNaissance: give"),
    ],
)
def test_what_names_nobody(arguments: list[str], said: str) -> None:
    """What cannot be searched for is refused without the values that were given."""
    with pytest.raises(ValueError, match=said) as refused:
        searched_for(arguments, TODAY)
    assert "DURAND" not in str(refused.value)
