"""The fictive entities of the sandbox, as data.

Names, people and addresses are invented. Only the identifiers 130025265, 13002526500013 and W262001597 are real,
because integrators know them by heart; the data about them are invented too. SIREN that start with 99800 are entities,
those that start with 99900 are faults (`faults.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Diffusion(StrEnum):
    """How much of an entity's data INSEE may publish."""

    FULL = "diffusible"
    PARTIAL = "partiellement_diffusible"
    NONE = "non_diffusible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A code with its label."""

    code: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A band of headcounts of INSEE."""

    code: str
    label: str
    low: int | None
    high: int | None
    year: str | None


_STREET_CODES: Final = MappingProxyType(
    {
        "RUE": "RUE",
        "CHEMIN": "CHE",
        "ROUTE": "RTE",
        "QUAI": "QUAI",
        "IMPASSE": "IMP",
        "AVENUE": "AV",
        "PLACE": "PL",
        "BOULEVARD": "BD",
    }
)
"""INSEE's abbreviations of the kinds of street."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address, in France unless it says otherwise."""

    number: str
    street_type: str
    street: str
    postcode: str
    city: str
    city_code: str
    region: Coded
    extra: str | None = None
    repetition: str | None = None
    """INSEE's letter for the suffix of the number: `B` for bis."""
    distribution: str | None = None
    cedex: Coded | None = None
    country: Coded | None = None
    """Set for an address abroad, which has no French postcode or commune; `region` then means nothing."""

    @property
    def street_code(self) -> str:
        """INSEE's abbreviation of the kind of street."""
        return _STREET_CODES[self.street_type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A natural person; dates are ISO 8601."""

    name: str
    first_names: tuple[str, ...]
    sex: str
    born: str
    birthplace: str
    usage_name: str | None = None
    pseudonym: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """An officer of a company: a person or another company."""

    role: str
    person: Person | None = None
    company: str | None = None
    company_siren: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of succession with another establishment."""

    siret: str
    day: str
    moves_seat: bool = False
    continues: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Establishment:
    """A place of business; the first one of an entity is its head office."""

    siret: str
    address: Address
    created: str
    staff: float
    brand: str | None = None
    predecessors: tuple[Link, ...] = ()
    successors: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """An entry of the national directory of associations (RNA)."""

    rna: str
    title: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A legal unit with a SIREN: a company, a sole trader or an association."""

    siren: str
    description: str
    """One line of French for users of the sandbox."""
    establishments: tuple[Establishment, ...]
    legal_form: Coded
    activity: Coded
    """Main activity in NAF rév. 2."""
    activity_2025: Coded | None = None
    """Main activity in NAF 2025, if INSEE has coded it."""
    band: Band
    created: str
    updated: str
    name: str | None = None
    acronym: str | None = None
    trade_name: str | None = None
    person: Person | None = None
    """Set for a sole trader, who has no `name`."""
    association: Association | None = None
    officers: tuple[Officer, ...] = ()
    category: str | None = "PME"
    social_economy: bool = False
    capital: int | None = None
    registry: Coded
    diffusion: Diffusion = Diffusion.FULL
    closed: str | None = None
    """The day on which it ceased, in ISO 8601; None if it is active."""
    contributions_paid: bool = True
    """Whether Urssaf issues its certificate."""
    complete: bool = False
    """Whether answers about it have every documented field, also those without a value for other entities."""
    seats: int = 1
    """How many of its establishments, the first ones, INSEE takes for its head office."""
    replaced_by: "Entity | None" = None
    """The entity that INSEE has replaced it by, if it was registered twice."""

    @property
    def head_office(self) -> Establishment:
        """The first establishment."""
        return self.establishments[0]

    def is_seat(self, establishment: Establishment) -> bool:
        """Whether INSEE takes an establishment for the entity's head office."""
        return establishment in self.establishments[: self.seats]

    @property
    def rna(self) -> str | None:
        """Its RNA number if it is an association, else None."""
        return self.association.rna if self.association else None

    @property
    def display_name(self) -> str:
        """Its name as on its letter box."""
        if self.person is None:
            return self.name or ""
        return f"{self.person.first_names[0]} {self.person.name}"

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Every identifier by which it is found."""
        sirets = [establishment.siret for establishment in self.establishments]
        found = (self.siren, *sirets, *map(eori, sirets))
        return found if self.rna is None else (*found, self.rna)

    def establishment(self, siret: str) -> Establishment:
        """The establishment with this SIRET; KeyError if it has none with it."""
        for establishment in self.establishments:
            if establishment.siret == siret:
                return establishment
        raise KeyError(siret)


def eori(siret: str) -> str:
    """The EORI number of an establishment, by which customs identify it."""
    return f"FR{siret}"


_AUVERGNE_RHONE_ALPES: Final = Coded(code="84", label="Auvergne-Rhône-Alpes")
_GRAND_EST: Final = Coded(code="44", label="Grand Est")
_BRETAGNE: Final = Coded(code="53", label="Bretagne")

_SAS: Final = Coded(code="5710", label="SAS, société par actions simplifiée")
_SA: Final = Coded(code="5599", label="SA à conseil d'administration (s.a.i.)")
_SARL: Final = Coded(code="5499", label="Société à responsabilité limitée (sans autre indication)")
_SOLE_TRADER: Final = Coded(code="1000", label="Entrepreneur individuel")
_ASSOCIATION: Final = Coded(code="9220", label="Association déclarée")

_NO_STAFF: Final = Band(code="NN", label="Unités non employeuses", low=None, high=None, year=None)
_3_TO_5: Final = Band(code="02", label="3 à 5 salariés", low=3, high=5, year="2023")
_6_TO_9: Final = Band(code="03", label="6 à 9 salariés", low=6, high=9, year="2023")
_20_TO_49: Final = Band(code="12", label="20 à 49 salariés", low=20, high=49, year="2023")
_100_TO_199: Final = Band(code="22", label="100 à 199 salariés", low=100, high=199, year="2023")

_ROMANS: Final = Coded(code="2602", label="ROMANS")
_COLMAR: Final = Coded(code="6801", label="COLMAR")
_BREST: Final = Coded(code="2901", label="BREST")

_VALENCE: Final = Address(
    number="14",
    street_type="RUE",
    street="DES TANNEURS",
    postcode="26000",
    city="VALENCE",
    city_code="26362",
    region=_AUVERGNE_RHONE_ALPES,
    extra="BATIMENT C",
)

ORDINARY: Final = Entity(
    siren="130025265",
    description="Entreprise ordinaire, active, connue de tous les fournisseurs",
    name="COOPERATIVE DES TROIS VALLONS",
    acronym="C3V",
    trade_name="LES TROIS VALLONS",
    legal_form=_SAS,
    activity=Coded(code="10.39B", label="Transformation et conservation de fruits"),
    band=_20_TO_49,
    created="2009-04-06",
    updated="2025-02-11",
    social_economy=True,
    capital=150_000,
    registry=_ROMANS,
    establishments=(
        Establishment(
            siret="13002526500013",
            address=_VALENCE,
            created="2009-04-06",
            staff=24.5,
            brand="LES TROIS VALLONS",
            predecessors=(Link(siret="99800005300012", day="2022-10-01"),),
        ),
        Establishment(
            siret="13002526500021",
            address=Address(
                number="3",
                street_type="CHEMIN",
                street="DU VIEUX PRESSOIR",
                postcode="26400",
                city="CREST",
                city_code="26108",
                region=_AUVERGNE_RHONE_ALPES,
            ),
            created="2015-09-01",
            staff=8.25,
        ),
    ),
    association=Association(
        rna="W262001597",
        title="LES AMIS DES TROIS VALLONS",
        purpose="Faire connaître les vergers de la vallée et transmettre les gestes de la taille",
    ),
    officers=(
        Officer(
            role="Président",
            person=Person(
                name="BRUNETIERE",
                first_names=("Solange", "Odile"),
                sex="F",
                born="1971-08-19",
                birthplace="DIE",
            ),
        ),
        Officer(
            role="Commissaire aux comptes titulaire", company="CABINET AUDIBERT-LORMEAU", company_siren="998000079"
        ),
    ),
)
"""The entity that every example uses: active, and known on every endpoint."""

_FOUNDRY: Final = Entity(
    siren="998000012",
    description="Autre entreprise ordinaire (personne morale), deux établissements",
    name="FONDERIES DU VAL PERCHE",
    acronym="FVP",
    trade_name="FVP INDUSTRIE",
    legal_form=_SA,
    activity=Coded(code="24.51Z", label="Fonderie de fonte"),
    activity_2025=Coded(code="24.51Y", label="Fonderie de fonte"),
    band=_100_TO_199,
    created="1987-11-02",
    updated="2025-03-04",
    category="ETI",
    capital=2_400_000,
    registry=_COLMAR,
    establishments=(
        Establishment(
            siret="99800001200018",
            address=Address(
                number="120",
                street_type="ROUTE",
                street="DES FORGES",
                postcode="68000",
                city="COLMAR",
                city_code="68066",
                region=_GRAND_EST,
            ),
            created="1987-11-02",
            staff=118.0,
        ),
        Establishment(
            siret="99800001200026",
            address=Address(
                number="7",
                street_type="QUAI",
                street="DE LA SCIERIE",
                postcode="68200",
                city="MULHOUSE",
                city_code="68224",
                region=_GRAND_EST,
                extra="ENTREE B",
            ),
            created="2004-01-12",
            staff=31.75,
            brand="FVP MODELAGE",
        ),
    ),
    officers=(
        Officer(
            role="Président du conseil d'administration",
            person=Person(
                name="HAUSSLER",
                first_names=("Mathias",),
                sex="M",
                born="1964-01-30",
                birthplace="THANN",
            ),
        ),
    ),
)

_POTTER: Final = Entity(
    siren="998000020",
    description="Entrepreneuse individuelle partiellement diffusible",
    person=Person(
        name="KERGOFF",
        first_names=("Nolwenn", "Anne", "Marie"),
        sex="F",
        born="1988-05-27",
        birthplace="MORLAIX",
    ),
    legal_form=_SOLE_TRADER,
    activity=Coded(code="23.41Z", label="Fabrication d'articles céramiques à usage domestique ou ornemental"),
    band=_NO_STAFF,
    created="2016-03-14",
    updated="2024-12-02",
    registry=_BREST,
    diffusion=Diffusion.PARTIAL,
    establishments=(
        Establishment(
            siret="99800002000011",
            address=Address(
                number="2",
                street_type="IMPASSE",
                street="DU FOUR A CHAUX",
                postcode="29200",
                city="BREST",
                city_code="29019",
                region=_BRETAGNE,
            ),
            created="2016-03-14",
            staff=0.0,
            brand="TERRE ET GRES",
        ),
    ),
)

_LOCKSMITH: Final = Entity(
    siren="998000038",
    description="Entrepreneur individuel non diffusible (l'INSEE refuse : 403)",
    person=Person(
        name="MOREL-DASTRE",
        first_names=("Gaspard",),
        sex="M",
        born="1979-10-03",
        birthplace="GAP",
    ),
    legal_form=_SOLE_TRADER,
    activity=Coded(code="43.32B", label="Travaux de menuiserie métallique et serrurerie"),
    band=_NO_STAFF,
    created="2011-06-20",
    updated="2024-06-18",
    registry=_ROMANS,
    diffusion=Diffusion.NONE,
    establishments=(
        Establishment(
            siret="99800003800013",
            address=Address(
                number="51",
                street_type="AVENUE",
                street="DES PLATANES",
                postcode="26100",
                city="ROMANS-SUR-ISERE",
                city_code="26281",
                region=_AUVERGNE_RHONE_ALPES,
            ),
            created="2011-06-20",
            staff=0.0,
        ),
    ),
)

_ASSOCIATION_ENTITY: Final = Entity(
    siren="998000046",
    description="Association, connue par son SIREN, son SIRET et son RNA",
    name="LA RUCHE AUX LIVRES",
    legal_form=_ASSOCIATION,
    activity=Coded(code="94.99Z", label="Autres organisations fonctionnant par adhésion volontaire"),
    band=_3_TO_5,
    created="2003-02-17",
    updated="2025-01-20",
    social_economy=True,
    registry=_BREST,
    establishments=(
        Establishment(
            siret="99800004600016",
            address=Address(
                number="9",
                street_type="PLACE",
                street="DE L'ANCIENNE POSTE",
                postcode="29600",
                city="MORLAIX",
                city_code="29151",
                region=_BRETAGNE,
            ),
            created="2003-02-17",
            staff=4.0,
        ),
    ),
    association=Association(
        rna="W998000004",
        title="LA RUCHE AUX LIVRES",
        purpose="Prêter des livres dans les communes sans bibliothèque et y animer des ateliers de lecture",
    ),
)

_CLOSED: Final = Entity(
    siren="998000053",
    description="Entreprise cessée : établissement fermé, radiée du registre",
    name="TRANSPORTS GALOUBET",
    legal_form=_SARL,
    activity=Coded(code="49.41B", label="Transports routiers de fret de proximité"),
    band=_NO_STAFF,
    created="1998-05-25",
    updated="2022-10-14",
    capital=8_000,
    registry=_ROMANS,
    closed="2022-09-30",
    establishments=(
        Establishment(
            siret="99800005300012",
            address=Address(
                number="33",
                street_type="BOULEVARD",
                street="DU CANAL",
                postcode="26200",
                city="MONTELIMAR",
                city_code="26198",
                region=_AUVERGNE_RHONE_ALPES,
            ),
            created="1998-05-25",
            staff=0.0,
            successors=(Link(siret="13002526500013", day="2022-10-01"),),
        ),
    ),
)

_IN_ARREARS: Final = Entity(
    siren="998000061",
    description="Entreprise à laquelle l'Urssaf refuse l'attestation de vigilance",
    name="MACONNERIE PELOUZET ET FILLES",
    legal_form=_SARL,
    activity=Coded(code="43.99C", label="Travaux de maçonnerie générale et gros œuvre de bâtiment"),
    band=_6_TO_9,
    created="2012-10-08",
    updated="2024-11-26",
    capital=20_000,
    registry=_COLMAR,
    contributions_paid=False,
    establishments=(
        Establishment(
            siret="99800006100015",
            address=Address(
                number="18",
                street_type="RUE",
                street="DU MOULIN BAS",
                postcode="68500",
                city="GUEBWILLER",
                city_code="68112",
                region=_GRAND_EST,
            ),
            created="2012-10-08",
            staff=7.5,
        ),
    ),
    officers=(
        Officer(
            role="Gérant",
            person=Person(
                name="PELOUZET",
                first_names=("Armelle",),
                sex="F",
                born="1976-12-11",
                birthplace="ALTKIRCH",
            ),
        ),
    ),
)

COMPLETE: Final = Entity(
    siren="998000103",
    description="Association cessée, dont les réponses ont tous les champs documentés",
    name="CERCLE DES HORLOGERS DU LEON",
    acronym="CHL",
    trade_name="LE CERCLE DES HORLOGERS",
    legal_form=_ASSOCIATION,
    activity=Coded(code="94.99Z", label="Autres organisations fonctionnant par adhésion volontaire"),
    activity_2025=Coded(code="94.99Y", label="Activités des organisations associatives n.c.a."),
    band=_6_TO_9,
    created="1994-03-07",
    updated="2025-07-08",
    category="GE",
    social_economy=True,
    capital=1_500,
    registry=_BREST,
    closed="2025-06-30",
    complete=True,
    establishments=(
        Establishment(
            siret="99800010300015",
            address=Address(
                number="24",
                repetition="B",
                street_type="RUE",
                street="DU CADRAN",
                postcode="29600",
                city="MORLAIX",
                city_code="29151",
                region=_BRETAGNE,
                extra="ESCALIER A",
                distribution="BP 40012",
                cedex=Coded(code="29671", label="MORLAIX CEDEX"),
            ),
            created="1994-03-07",
            staff=6.0,
            brand="AU BON CADRAN",
        ),
    ),
    association=Association(
        rna="W998000010",
        title="CERCLE DES HORLOGERS DU LEON",
        purpose="Réparer les horloges publiques et en enseigner l'entretien",
    ),
    officers=(
        Officer(
            role="Président",
            person=Person(
                name="QUEMENER",
                first_names=("Alban", "Yves"),
                sex="M",
                born="1959-04-11",
                birthplace="LANDERNEAU",
            ),
        ),
        Officer(role="Commissaire aux comptes titulaire", company="CABINET LE GOFF-SERRE", company_siren="998000079"),
    ),
)

COMPLETE_PERSON: Final = Entity(
    siren="998000111",
    description="Entrepreneur individuel, diffusible, dont les réponses ont tous les champs documentés",
    person=Person(
        name="TREVIDIC",
        first_names=("Corentin", "Yann", "Paol", "Erwan"),
        sex="M",
        born="1983-02-23",
        birthplace="CONCARNEAU",
        usage_name="TREVIDIC-HOAREAU",
        pseudonym="GWELAN",
    ),
    legal_form=_SOLE_TRADER,
    activity=Coded(code="90.03A", label="Création artistique relevant des arts plastiques"),
    activity_2025=Coded(code="90.12Y", label="Activités de création en arts visuels"),
    band=_NO_STAFF,
    created="2010-09-13",
    updated="2025-04-22",
    capital=1_000,
    registry=_BREST,
    complete=True,
    establishments=(
        Establishment(
            siret="99800011100018",
            address=Address(
                number="8",
                repetition="T",
                street_type="QUAI",
                street="DE L'ETOUPE",
                postcode="29200",
                city="BREST",
                city_code="29019",
                region=_BRETAGNE,
                extra="ATELIER 3",
                distribution="CS 10034",
                cedex=Coded(code="29238", label="BREST CEDEX 3"),
            ),
            created="2010-09-13",
            staff=0.0,
            brand="ATELIER GWELAN",
        ),
    ),
    officers=(
        Officer(
            role="Exploitant",
            person=Person(
                name="TREVIDIC",
                first_names=("Corentin",),
                sex="M",
                born="1983-02-23",
                birthplace="CONCARNEAU",
            ),
        ),
    ),
)

ENTITIES: Final = (
    ORDINARY,
    _FOUNDRY,
    _POTTER,
    _LOCKSMITH,
    _ASSOCIATION_ENTITY,
    _CLOSED,
    _IN_ARREARS,
    COMPLETE,
    COMPLETE_PERSON,
)
"""All entities that every provider knows."""


REPLACED: Final = replace(
    ORDINARY,
    siren="998000087",
    description="Doublon de l'entreprise ordinaire, pour l'INSEE seul : 301 vers elle",
    establishments=(replace(ORDINARY.head_office, siret="99800008700010"),),
    association=None,
    replaced_by=ORDINARY,
)
"""An entity whose number INSEE has replaced by another."""

TWO_SEATS: Final = replace(
    _IN_ARREARS,
    siren="998000095",
    description="Entreprise à laquelle l'INSEE donne deux sièges, pour l'INSEE seul : 01501",
    name="GALERIE DES DEUX SIEGES",
    establishments=tuple(
        replace(_IN_ARREARS.head_office, siret=siret) for siret in ("99800009500013", "99800009500021")
    ),
    seats=2,
    contributions_paid=True,
)
"""An entity for which INSEE gives two head offices."""

ABROAD: Final = Entity(
    siren="998000129",
    description="Société étrangère sans établissement en France, pour l'INSEE seul",
    name="WERKSTATT HEIDENREICH",
    legal_form=Coded(code="3120", label="Société commerciale étrangère immatriculée au RCS"),
    activity=Coded(code="28.99B", label="Fabrication d'autres machines spécialisées"),
    band=_NO_STAFF,
    created="2018-01-15",
    updated="2024-10-07",
    registry=_COLMAR,
    establishments=(
        Establishment(
            siret="99800012900010",
            address=Address(
                number="17",
                street_type="RUE",
                street="AM MUHLBACH",
                postcode="",
                city="LORRACH",
                city_code="",
                region=_GRAND_EST,
                country=Coded(code="99109", label="ALLEMAGNE"),
            ),
            created="2018-01-15",
            staff=0.0,
        ),
    ),
)
"""An entity whose head office is abroad."""

AT_INSEE: Final = (REPLACED, TWO_SEATS, ABROAD)
"""Entities that only one provider knows."""
KNOWS_ALL: Final = "insee"
"""Key of the provider that knows the entities of `AT_INSEE` too."""


def double(*, siren: str, siret: str, rna: str) -> Entity:
    """The ordinary entity with other identifiers; faults delay or damage answers about it."""
    association = None if ORDINARY.association is None else replace(ORDINARY.association, rna=rna)
    return replace(
        ORDINARY,
        siren=siren,
        establishments=(replace(ORDINARY.head_office, siret=siret),),
        association=association,
    )


def directory(*entities: Entity) -> Mapping[str, Entity]:
    """Entities by each of their identifiers."""
    return MappingProxyType({identifier: entity for entity in entities for identifier in entity.identifiers})
