"""The rules of the families of operations, as data: the same kinds of parameters, put together in other ways.

The names are those that are published: from v3 on the same everywhere, in v2 each family's own.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from apientreprise_gateway.contract.person.fields import (
    OF_AGE_FOR_SERVICE,
    OF_THE_LIVING,
    BirthDate,
    BirthDateText,
    DateCodes,
    Field,
    FirstNames,
    FirstNamesText,
    NumberField,
)
from apientreprise_gateway.contract.person.places import Birthplace, Period, SchoolSearch
from apientreprise_gateway.contract.person.rules import IdentityRules
from apientreprise_gateway.contract.person.texts import (
    ALLOWANCE_NUMBER,
    ANY_COMMUNE,
    DIGITS,
    ESTABLISHMENT,
    INE,
    NAME,
    POSTCODE,
    SCHOOL_YEAR,
    SEX,
    anything,
    plate,
)

_NAME: Final = Field(name="nomNaissance", code="00420", kind=NAME, part="birth_name")
_USED_NAME: Final = Field(name="nomUsage", code="00361", kind=NAME, part="used_name", required=False)
_SEX: Final = Field(name="sexeEtatCivil", code="00427", kind=SEX, part="sex")
_SEX_V2: Final = replace(_SEX, name="sexe", code="00364")
_INE: Final = Field(name="ine", code="00360", kind=INE, part="ine")
_PLACE: Final = Birthplace()
_CNAV_NAMES: Final = FirstNames(code="00367", kind=NAME, required=False)
_CNAV_DATE: Final = BirthDate(part_codes=DateCodes(*["00363"] * 4), judge=OF_THE_LIVING, required=False)
_CNAV_PLACE: Final = Birthplace(
    country="codeCogInseePaysNaissance", country_required=True, needed_in_france=True, year_code="00363"
)

# From v3 on.

CNAV: Final = IdentityRules((_NAME, _USED_NAME, _CNAV_NAMES, _CNAV_DATE, replace(_SEX, required=False), _CNAV_PLACE))
"""The benefits of the family and health funds (`/dss/`)."""
QUOTIENT: Final = CNAV.also(Period())
"""The family quotient."""
CNOUS: Final = IdentityRules((_NAME, FirstNames(), BirthDate(), replace(_SEX, required=False), _PLACE))
"""Students with a grant."""
CNOUS_INE: Final = IdentityRules((_INE,))
_CAMPAIGN: Final = NumberField(name="campaignYear", code="00368", first=2021, last=9999)
GRANTS: Final = CNOUS.also(_CAMPAIGN)
GRANTS_V5: Final = IdentityRules((_NAME, FirstNames(most=3), *GRANTS.rules[2:]))
GRANTS_INE: Final = CNOUS_INE.also(_CAMPAIGN)
MESRI: Final = IdentityRules((_NAME, FirstNames(), BirthDate(), _SEX, _PLACE))
"""Students."""
MESRI_INE: Final = CNOUS_INE
DSNJ: Final = IdentityRules(
    (
        _NAME,
        FirstNames(kind=NAME),
        BirthDate(judge=OF_AGE_FOR_SERVICE),
        _SEX,
        Birthplace(country="codeCogInseePaysNaissance", country_required=True, by_name=False),
    )
)
"""Young people who have registered for national service."""
GIP_MDS: Final = IdentityRules((_NAME, FirstNames(), BirthDate()))
"""Volunteers of the civic service."""
MEN: Final = IdentityRules(
    (
        _NAME,
        FirstNames(),
        _SEX,
        BirthDate(),
        SchoolSearch(),
        Field(name="anneeScolaire", code="00411", kind=SCHOOL_YEAR),
    )
)
"""Pupils."""
FRANCE_TRAVAIL: Final = IdentityRules((Field(name="identifiant", code="00380", kind=anything, part="identifier"),))
"""Job seekers."""
SDH: Final = IdentityRules((Field(name="identifiant", code="00380", kind=DIGITS, part="identifier"),))
"""Athletes of high level."""
ANTS: Final = IdentityRules((Field(name="immatriculation", code="00430", kind=plate, part="plate"),))
"""Vehicles."""

PIVOT: Final = IdentityRules(
    (
        replace(_NAME, kind=anything),
        FirstNames(),
        BirthDate(required=False),
        _SEX,
        Birthplace(communes=ANY_COMMUNE, country="codeCogInseePaysNaissance", country_required=True, by_name=False),
    )
)
"""What FranceConnect says of a person, under the names that the other calls have. A commune that is not named is right:
who was born abroad has none; so is a day or month of birth that nobody knows."""

# v2.

_NAME_V2: Final = replace(_NAME, name="nom", code="00361")
_DATE_V2: Final = BirthDateText(name="dateDeNaissance", code="00363")
_PLACE_V2: Final = Birthplace(commune="lieuDeNaissance", by_name=False)

CNAV_V2: Final = IdentityRules(
    (
        replace(_NAME, code="00361"),
        _USED_NAME,
        _CNAV_NAMES,
        replace(_CNAV_DATE, year="anneeDateDeNaissance", month="moisDateDeNaissance", day="jourDateDeNaissance"),
        replace(_SEX_V2, required=False),
        replace(
            _CNAV_PLACE,
            commune="codeInseeLieuDeNaissance",
            country="codePaysLieuDeNaissance",
            country_required=False,
            department="codeInseeDepartementNaissance",
            year="anneeDateDeNaissance",
        ),
    )
)
"""The benefits of the family and health funds."""
QUOTIENT_V2: Final = CNAV_V2.also(Period())
"""The family quotient (`composition-familiale-v2`)."""
CNAF_V2: Final = IdentityRules(
    (
        Field(name="numeroAllocataire", code="00352", kind=ALLOWANCE_NUMBER, part="allowance_number"),
        Field(name="codePostal", code="00351", kind=POSTCODE, part="postcode"),
    )
)
"""The family quotient by the number of the family (`composition-familiale`)."""
MESRI_V2: Final = IdentityRules(
    (_NAME_V2, FirstNamesText(name="prenom", code="00362", split=False), _DATE_V2, _SEX_V2, _PLACE_V2),
    unless=MESRI_INE,
)
"""Students (`etudiants`), by their INE if it is given."""
CNOUS_V2: Final = IdentityRules(
    (
        _NAME_V2,
        FirstNamesText(name="prenoms", code="00367", split=True),
        _DATE_V2,
        replace(_SEX_V2, required=False),
        _PLACE_V2,
    ),
    unless=CNOUS_INE,
)
"""Students with a grant (`etudiants-boursiers`), by their INE if it is given."""
MEN_V2: Final = IdentityRules(
    (
        _NAME_V2,
        FirstNamesText(name="prenom", code="00362", split=False),
        _SEX_V2,
        BirthDateText(name="dateNaissance", code="00363"),
        Field(name="codeEtablissement", code="00410", kind=ESTABLISHMENT),
        Field(name="anneeScolaire", code="00411", kind=SCHOOL_YEAR),
    )
)
"""Pupils."""

RULES: Final[Mapping[str, IdentityRules]] = {
    "cnav": CNAV,
    "quotient": QUOTIENT,
    "cnous": CNOUS,
    "grants": GRANTS,
    "grants_v5": GRANTS_V5,
    "mesri": MESRI,
    "dsnj": DSNJ,
    "gip_mds": GIP_MDS,
    "men": MEN,
    "ine": CNOUS_INE,
    "grants_ine": GRANTS_INE,
    "france_travail": FRANCE_TRAVAIL,
    "sdh": SDH,
    "ants": ANTS,
    "france_connect": IdentityRules(()),
    "quotient_france_connect": IdentityRules((Period(),)),
    "grants_france_connect": IdentityRules((_CAMPAIGN,)),
    "cnav_v2": CNAV_V2,
    "quotient_v2": QUOTIENT_V2,
    "cnous_v2": CNOUS_V2,
    "mesri_v2": MESRI_V2,
    "men_v2": MEN_V2,
    "cnaf_v2": CNAF_V2,
}
"""By the name of the family, see `contract.identification`."""
