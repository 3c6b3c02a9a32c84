"""How calls of API Particulier say whom they are about, by family of operations, and what else they may say.

v2 calls by other names what the later versions know as well; `Meaning` tells which is which.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.identification import CallMode, Identification, Meaning, PersonParameter

_SEX: Final = MappingProxyType({"type": "string", "enum": ["M", "F"]})
_WHOLE: Final = MappingProxyType({"type": "integer"})
_CODE: Final = MappingProxyType({"type": "string", "minLength": 5, "maxLength": 5})
_DEPARTMENT_CODE: Final = MappingProxyType({"type": "string", "minLength": 2, "maxLength": 3})
_NOT_EMPTY: Final = MappingProxyType({"type": "string", "minLength": 1})
_INE_SCHEMA: Final = MappingProxyType({"type": "string", "pattern": "^[0-9a-zA-Z]{11}$"})
_DATE: Final = MappingProxyType({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})

_BIRTH_NAME: Final = PersonParameter(
    name="nomNaissance", meaning=Meaning.BIRTH_NAME, required=True, description="Nom de naissance.", example="MARTIN"
)
_USED_NAME: Final = PersonParameter(
    name="nomUsage", meaning=Meaning.USED_NAME, description="Nom d'usage, s'il y en a un.", example="DURAND"
)
_FIRST_NAMES: Final = PersonParameter(
    name="prenoms[]",
    meaning=Meaning.FIRST_NAMES,
    required=True,
    description="Prénoms, dans l'ordre de l'état civil : un par occurrence du paramètre.",
    example="CLAIRE",
)
_BIRTH_YEAR: Final = PersonParameter(
    name="anneeDateNaissance",
    meaning=Meaning.BIRTH_YEAR,
    required=True,
    description="Année de naissance.",
    example="2008",  # of age for national service until 2034
    schema=_WHOLE,
)
_BIRTH_MONTH: Final = PersonParameter(
    name="moisDateNaissance",
    meaning=Meaning.BIRTH_MONTH,
    required=True,
    description="Mois de naissance, de 1 à 12.",
    example="4",
    schema=_WHOLE,
)
_BIRTH_DAY: Final = PersonParameter(
    name="jourDateNaissance",
    meaning=Meaning.BIRTH_DAY,
    required=True,
    description="Jour de naissance, de 1 à 31.",
    example="23",
    schema=_WHOLE,
)
_SEX_AT_BIRTH: Final = PersonParameter(
    name="sexeEtatCivil",
    meaning=Meaning.SEX,
    required=True,
    description="Sexe à l'état civil : `M` ou `F`.",
    example="F",
    schema=_SEX,
)
_COUNTRY: Final = PersonParameter(
    name="codeCogInseePaysNaissance",
    meaning=Meaning.BIRTH_COUNTRY,
    required=True,
    description="Pays de naissance, par son code officiel géographique : `99100` pour la France.",
    example="99100",
    schema=_CODE,
)
_TOWN: Final = PersonParameter(
    name="codeCogInseeCommuneNaissance",
    meaning=Meaning.BIRTH_TOWN,
    description="Commune de naissance, par son code officiel géographique.",
    example="35238",
    schema=_CODE,
)
_TOWN_NAME: Final = PersonParameter(
    name="nomCommuneNaissance",
    meaning=Meaning.BIRTH_TOWN_NAME,
    description="Nom de la commune de naissance, avec le département et l'année, à défaut de son code.",
    example="Rennes",
    schema=_NOT_EMPTY,
)
_DEPARTMENT: Final = PersonParameter(
    name="codeCogInseeDepartementNaissance",
    meaning=Meaning.BIRTH_DEPARTMENT,
    description="Département de naissance, avec le nom de la commune, à défaut du code de celle-ci.",
    example="35",
    schema=_DEPARTMENT_CODE,
)
_INE: Final = PersonParameter(
    name="ine",
    meaning=Meaning.INE,
    required=True,
    description="Identifiant national de l'étudiant (INE), de onze lettres et chiffres.",
    example="1234567890G",
    schema=_INE_SCHEMA,
)
_SCHOOL: Final = PersonParameter(
    name="codeEtablissement",
    meaning=Meaning.SCHOOL,
    description="Établissement scolaire, par son code UAI : sept chiffres et une lettre.",
    example="0351234A",
)
_SCHOOL_YEAR: Final = PersonParameter(
    name="anneeScolaire",
    meaning=Meaning.SCHOOL_YEAR,
    required=True,
    description="Année scolaire : `2025-2026`, ou `2025` qui en est le début.",
    example="2025-2026",
)


_PERIOD: Final = (
    PersonParameter(
        name="annee",
        meaning=Meaning.BENEFIT_YEAR,
        description="Année du quotient familial, cette année ou l'une des deux précédentes ; à défaut, la plus récente "
        "qui soit connue.",
        example="",
        schema=_WHOLE,
    ),
    PersonParameter(
        name="mois",
        meaning=Meaning.BENEFIT_MONTH,
        description="Mois du quotient familial, de 1 à 12, et pas encore à venir.",
        example="",
        schema=_WHOLE,
    ),
)
_PERIOD_CODES: Final = ("00354", "00356")
_CAMPAIGN: Final = PersonParameter(
    name="campaignYear",
    meaning=Meaning.CAMPAIGN_YEAR,
    description="Année où commence la campagne de bourse ; à défaut, la campagne en cours.",
    example="2025",
    schema=MappingProxyType({"type": "integer", "minimum": 2021}),
)


def _and(person: Identification, family: str, *parameters: PersonParameter, codes: tuple[str, ...]) -> Identification:
    """A family that takes further parameters."""
    return replace(
        person,
        family=family,
        parameters=(*person.parameters, *parameters),
        codes=tuple(sorted((*person.codes, *codes))),
    )


def _optional(*parameters: PersonParameter) -> tuple[PersonParameter, ...]:
    return tuple(replace(parameter, required=False) for parameter in parameters)


_DATE_PARTS: Final = (_BIRTH_YEAR, _BIRTH_MONTH, _BIRTH_DAY)
_DATE_CODES: Final = ("00422", "00423", "00424", "00425")
_PLACE: Final = (_TOWN, _TOWN_NAME, _DEPARTMENT)

CIVILITY_CNAV: Final = Identification(
    family="cnav",
    mode=CallMode.IDENTITE,
    parameters=(
        _BIRTH_NAME,
        _USED_NAME,
        _FIRST_NAMES,
        *_optional(*_DATE_PARTS),
        _SEX_AT_BIRTH,
        _COUNTRY,
        *_PLACE,
    ),
    codes=("00317", "00361", "00363", "00365", "00367", "00400", "00420", "00427", "00428"),
)
QUOTIENT: Final = _and(CIVILITY_CNAV, "quotient", *_PERIOD, codes=_PERIOD_CODES)
CIVILITY_CNOUS: Final = Identification(
    family="cnous",
    mode=CallMode.IDENTITE,
    parameters=(_BIRTH_NAME, _FIRST_NAMES, *_DATE_PARTS, *_optional(_SEX_AT_BIRTH), *_PLACE),
    codes=("00317", "00365", "00420", "00421", *_DATE_CODES, "00427", "00428"),
)
GRANTS: Final = _and(CIVILITY_CNOUS, "grants", _CAMPAIGN, codes=("00368",))
GRANTS_V5: Final = replace(
    GRANTS,
    family="grants_v5",
    parameters=tuple(replace(parameter, most=3) if parameter.several else parameter for parameter in GRANTS.parameters),
)
CIVILITY_MESRI: Final = Identification(
    family="mesri",
    mode=CallMode.IDENTITE,
    parameters=(_BIRTH_NAME, _FIRST_NAMES, *_DATE_PARTS, _SEX_AT_BIRTH, *_PLACE),
    codes=("00317", "00365", "00420", "00421", *_DATE_CODES, "00427", "00428"),
)
CIVILITY_DSNJ: Final = Identification(
    family="dsnj",
    mode=CallMode.IDENTITE,
    parameters=(
        _BIRTH_NAME,
        _FIRST_NAMES,
        _BIRTH_YEAR,
        _BIRTH_MONTH,
        _BIRTH_DAY,
        _SEX_AT_BIRTH,
        _TOWN,
        _COUNTRY,
    ),
    codes=("00365", "00400", "00420", "00421", *_DATE_CODES, "00427"),
)
CIVILITY_GIP_MDS: Final = Identification(
    family="gip_mds",
    mode=CallMode.IDENTITE,
    parameters=(_BIRTH_NAME, _FIRST_NAMES, *_DATE_PARTS),
    codes=("00420", "00421", *_DATE_CODES),
)
CIVILITY_MEN: Final = Identification(
    family="men",
    mode=CallMode.IDENTITE,
    parameters=(
        _BIRTH_NAME,
        _FIRST_NAMES,
        _SEX_AT_BIRTH,
        *_DATE_PARTS,
        _SCHOOL,
        _SCHOOL_YEAR,
        PersonParameter(
            name="degreEtablissement",
            meaning=Meaning.SCHOOL_LEVEL,
            description="Degré d'enseignement, à défaut de l'établissement : `1D` (premier) ou `2D` (second).",
            example="",
        ),
        PersonParameter(
            name="codesBcnDepartements[]",
            meaning=Meaning.DEPARTMENTS,
            description="Départements où chercher l'élève, à défaut de l'établissement : un par occurrence, par son "
            "code de l'Éducation nationale.",
            example="",
        ),
        PersonParameter(
            name="codesBcnRegions[]",
            meaning=Meaning.REGIONS,
            description="Régions où chercher l'élève, à défaut de l'établissement : une par occurrence, par son code "
            "de l'Éducation nationale.",
            example="",
        ),
    ),
    codes=(
        *("00410", "00411", "00412", "00413", "00414", "00415", "00416", "00417", "00419"),
        *("00420", "00421", *_DATE_CODES, "00427"),
    ),
)

INE: Final = Identification(family="ine", mode=CallMode.INE, parameters=(_INE,), codes=("00360",))
GRANTS_BY_INE: Final = _and(INE, "grants_ine", _CAMPAIGN, codes=("00368",))
ACCOUNT: Final = Identification(
    family="france_travail",
    mode=CallMode.IDENTIFIANT,
    parameters=(
        PersonParameter(
            name="identifiant",
            meaning=Meaning.ACCOUNT,
            required=True,
            description="Identifiant de la personne chez France Travail.",
            example="martin_2008",
        ),
    ),
    codes=("00380",),
)
SPORT_NUMBER: Final = Identification(
    family="sdh",
    mode=CallMode.IDENTIFIANT,
    parameters=(
        PersonParameter(
            name="identifiant",
            meaning=Meaning.ACCOUNT,
            required=True,
            description="Numéro de sportif de la personne : des chiffres.",
            example="10203",
        ),
    ),
    codes=("00380",),
)

FRANCE_CONNECT: Final = Identification(
    family="france_connect", mode=CallMode.FRANCE_CONNECT, france_connect=True, parameters=()
)
"""FranceConnect says all."""
QUOTIENT_BY_TOKEN: Final = _and(FRANCE_CONNECT, "quotient_france_connect", *_PERIOD, codes=_PERIOD_CODES)
GRANTS_BY_TOKEN: Final = _and(FRANCE_CONNECT, "grants_france_connect", _CAMPAIGN, codes=("00368",))
FRANCE_CONNECT_VEHICLE: Final = replace(
    FRANCE_CONNECT,
    family="ants",
    parameters=(
        PersonParameter(
            name="immatriculation",
            meaning=Meaning.PLATE,
            required=True,
            description="Numéro d'immatriculation du véhicule.",
            example="AB-123-CD",
        ),
    ),
    codes=("00430",),
)

CIVILITY_CNAV_V2: Final = Identification(
    family="cnav_v2",
    mode=CallMode.QUERY,
    france_connect=True,
    parameters=(
        _USED_NAME,
        *_optional(_BIRTH_NAME, _FIRST_NAMES),
        *_optional(
            replace(_BIRTH_YEAR, name="anneeDateDeNaissance"),
            replace(_BIRTH_MONTH, name="moisDateDeNaissance"),
            replace(_BIRTH_DAY, name="jourDateDeNaissance"),
        ),
        replace(_TOWN, name="codeInseeLieuDeNaissance"),
        *_optional(replace(_COUNTRY, name="codePaysLieuDeNaissance"), replace(_SEX_AT_BIRTH, name="sexe")),
        _TOWN_NAME,
        replace(_DEPARTMENT, name="codeInseeDepartementNaissance"),
    ),
    codes=("00317", "00361", "00363", "00364", "00365", "00367", "00400", "00428"),
)
QUOTIENT_V2: Final = _and(CIVILITY_CNAV_V2, "quotient_v2", *_PERIOD, codes=_PERIOD_CODES)

_FIRST_NAME_V2: Final = PersonParameter(
    name="prenom",
    meaning=Meaning.FIRST_NAMES,
    required=True,
    description="Premier prénom de l'état civil.",
    example="CLAIRE",
)
_NAME_V2: Final = replace(_BIRTH_NAME, name="nom")
_SEX_V2: Final = replace(_SEX_AT_BIRTH, name="sexe")
_DATE_V2: Final = PersonParameter(
    name="dateDeNaissance",
    meaning=Meaning.BIRTH_DATE,
    description="Date de naissance : `AAAA-MM-JJ`.",
    example="2008-04-23",
    schema=_DATE,
)
_TOWN_V2: Final = PersonParameter(
    name="lieuDeNaissance",
    meaning=Meaning.BIRTH_TOWN,
    description="Lieu de naissance, par le code officiel géographique de la commune ou du pays.",
    example="35238",
)

STUDENT_V2: Final = Identification(
    family="mesri_v2",
    mode=CallMode.QUERY,
    france_connect=True,
    parameters=(
        *_optional(_INE, _NAME_V2, _FIRST_NAME_V2),
        _DATE_V2,
        _TOWN_V2,
        *_optional(replace(_SEX_V2, schema=MappingProxyType({"type": "string"}))),
    ),
    codes=("00360", "00361", "00362", "00363", "00364", "00365"),
)
GRANT_HOLDER_V2: Final = Identification(
    family="cnous_v2",
    mode=CallMode.QUERY,
    france_connect=True,
    parameters=(
        *_optional(_INE, _NAME_V2),
        PersonParameter(
            name="prenoms",
            meaning=Meaning.FIRST_NAMES,
            description="Prénoms, dans l'ordre de l'état civil, séparés par des espaces.",
            example="CLAIRE MARIE",
        ),
        _DATE_V2,
        _TOWN_V2,
        *_optional(_SEX_V2),
    ),
    codes=("00360", "00361", "00363", "00364", "00365", "00367"),
)
PUPIL_V2: Final = Identification(
    family="men_v2",
    mode=CallMode.QUERY,
    parameters=(
        _NAME_V2,
        _FIRST_NAME_V2,
        replace(_SEX_V2, schema=MappingProxyType({"type": "string"})),
        replace(_DATE_V2, name="dateNaissance", required=True, schema=MappingProxyType({"type": "string"})),
        replace(_SCHOOL, required=True),
        _SCHOOL_YEAR,
    ),
    codes=("00361", "00362", "00363", "00364", "00410", "00411"),
)
ACCOUNT_V2: Final = replace(ACCOUNT, mode=CallMode.QUERY)
ALLOWANCE_V2: Final = Identification(
    family="cnaf_v2",
    mode=CallMode.QUERY,
    parameters=(
        PersonParameter(
            name="numeroAllocataire",
            meaning=Meaning.ALLOWANCE,
            required=True,
            description="Numéro de l'allocataire à sa caisse d'allocations familiales.",
            example="2010022",
        ),
        PersonParameter(
            name="codePostal",
            meaning=Meaning.POSTCODE,
            required=True,
            description="Code postal de l'adresse de l'allocataire.",
            example="35000",
        ),
    ),
    codes=("00351", "00352"),
)
