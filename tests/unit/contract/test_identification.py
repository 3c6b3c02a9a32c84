"""Tests of how calls say whom they are about."""

import pytest

from apientreprise_gateway.contract.identification import CallMode, Identification, Meaning, PersonParameter

NAME = PersonParameter(name="nom", meaning=Meaning.BIRTH_NAME, description="Nom.", example="MARTIN")
FIRST_NAMES = PersonParameter(name="prenoms[]", meaning=Meaning.FIRST_NAMES, description="Prénoms.", example="CLAIRE")
PERSON = Identification(family="somebody", mode=CallMode.IDENTITE, parameters=(NAME, FIRST_NAMES))


def test_several_values() -> None:
    """A parameter whose name ends with brackets may come several times, another one once."""
    assert FIRST_NAMES.several
    assert not NAME.several


def test_named() -> None:
    """What a parameter means finds it, whatever it is called; what nothing says finds nothing."""
    assert PERSON.named(Meaning.BIRTH_NAME) is NAME
    assert PERSON.named(Meaning.FIRST_NAMES) is FIRST_NAMES
    assert PERSON.named(Meaning.INE) is None


def test_the_mode_of_france_connect() -> None:
    """The mode of FranceConnect takes its tokens: an identification that says otherwise is refused."""
    with pytest.raises(ValueError, match="nobody: FranceConnect"):
        Identification(family="nobody", mode=CallMode.FRANCE_CONNECT)
    assert Identification(family="token", mode=CallMode.FRANCE_CONNECT, france_connect=True).parameters == ()
