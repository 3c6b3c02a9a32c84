"""How a call about a person says who it is: by which means, and with which query parameters.

This says what a call may carry, as published. Whether a value is accepted, what an absent one means, and what reaches
the provider are the rules of the family that an identification names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class CallMode(StrEnum):
    """By what a person is found; the value is the last segment of the path from v3 on."""

    IDENTITE = "identite"
    """The civil status."""
    INE = "ine"
    """The number of a student."""
    IDENTIFIANT = "identifiant"
    """The name or number that the provider has given the person."""
    FRANCE_CONNECT = "france_connect"
    """The access token that FranceConnect has given for the person."""
    QUERY = "query"
    """v2: any of those, by the parameters that are given."""


class Meaning(StrEnum):
    """What a parameter says of a person, or of what is asked about it, whatever it is called."""

    BIRTH_NAME = "birth_name"
    USED_NAME = "used_name"
    FIRST_NAMES = "first_names"
    BIRTH_YEAR = "birth_year"
    BIRTH_MONTH = "birth_month"
    BIRTH_DAY = "birth_day"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    BIRTH_COUNTRY = "birth_country"
    """By its code in the official geographic list (COG)."""
    BIRTH_TOWN = "birth_town"
    """Likewise."""
    BIRTH_TOWN_NAME = "birth_town_name"
    BIRTH_DEPARTMENT = "birth_department"
    """By its code; with name of the town and year of birth it stands for the code of the town."""
    INE = "ine"
    ACCOUNT = "account"
    """What the provider calls the person."""
    ALLOWANCE = "allowance"
    """The number of a family at its allowance fund."""
    POSTCODE = "postcode"
    PLATE = "plate"
    """The registration number of a vehicle."""
    SCHOOL = "school"
    SCHOOL_YEAR = "school_year"
    SCHOOL_LEVEL = "school_level"
    DEPARTMENTS = "departments"
    """Where to look for a pupil whose school is not known, by the codes of the ministry of education."""
    REGIONS = "regions"
    """Likewise."""
    BENEFIT_YEAR = "benefit_year"
    BENEFIT_MONTH = "benefit_month"
    CAMPAIGN_YEAR = "campaign_year"
    """The year in which a year of grants begins."""


_TEXT: Final[Mapping[str, object]] = MappingProxyType({"type": "string"})
_MANY: Final = "[]"
"""What the name of a parameter ends with that may come several times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonParameter:
    """A query parameter that says whom a call is about, or what is asked about that person."""

    name: str
    """As published; it ends with `[]` if it may come several times, and the order of the values counts."""
    meaning: Meaning
    required: bool = False
    """Whether it is published as required."""
    description: str
    """In French."""
    example: str
    """A value that is right beside the examples of the other parameters; empty for none."""
    schema: Mapping[str, object] = field(default_factory=lambda: _TEXT)
    """JSON Schema of a value, of one of them if there may be several."""
    most: int | None = None
    """How many values it may have, where that is bounded."""

    @property
    def several(self) -> bool:
        """Whether it may come several times."""
        return self.name.endswith(_MANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """How the calls of an operation say whom they are about."""

    family: str
    """Name of the rules by which the parameters are judged: operations of one family judge alike."""
    mode: CallMode
    parameters: tuple[PersonParameter, ...] = ()
    france_connect: bool = False
    """Whether the access token of FranceConnect may say it, in place of all of these parameters but what is no
    identity."""
    codes: tuple[str, ...] = ()
    """The errors that a wrong value may be refused with, in their order."""

    def __post_init__(self) -> None:
        if self.mode is CallMode.FRANCE_CONNECT and not self.france_connect:
            raise ValueError(f"{self.family}: FranceConnect says whom its own mode is about")

    def named(self, meaning: Meaning) -> PersonParameter | None:
        """The parameter that says something, whatever it is called."""
        return next((parameter for parameter in self.parameters if parameter.meaning is meaning), None)
