"""The fictive persons, and the households that they live in.

The first is answered by all providers, in every way of asking: she is the example of every parameter. Her year of birth
keeps her within the ages of national service until 2034.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.sandbox.particulier.person import (
    Address,
    Athlete,
    Benefit,
    Contract,
    Household,
    JobSeeker,
    Person,
    Place,
    Schooling,
    Studies,
    Vehicle,
)

_RENNES: Final = Place(code="35238", name="Rennes", department="35")
_NANTES: Final = Place(code="44109", name="Nantes", department="44")
_GUINGAMP: Final = Place(code="22070", name="Guingamp", department="22")
_LILLE: Final = Place(code="59350", name="Lille", department="59")
_AJACCIO: Final = Place(code="2A004", name="Ajaccio", department="2A")
_SAINT_DENIS: Final = Place(code="97411", name="Saint-Denis", department="974")
_COLMAR: Final = Place(code="68066", name="Colmar", department="68")
_ALGERIA: Final = "99352"

CLAIRE: Final = Person(
    key="claire-martin",
    description="Personne ordinaire, connue de tous les fournisseurs ; étudiante boursière, elle élève seule un "
    "enfant et reçoit toutes les prestations",
    birth_name="MARTIN",
    used_name="DURAND",
    first_names=("CLAIRE", "MARIE"),
    sex="F",
    birth=date(2008, 4, 23),
    birthplace=_RENNES,
    benefits=MappingProxyType(
        {
            "allocation_adulte_handicape": Benefit(since=date(2026, 5, 1)),
            "allocation_enfant_handicape": Benefit(since=date(2022, 9, 1), status="ouvrant_droit"),
            "allocation_soutien_familial": Benefit(since=date(2025, 7, 1)),
            "allocation_rentree_scolaire": Benefit(since=date(2025, 8, 19), status="ouvrant_droit"),
            "complementaire_sante_solidaire": Benefit(since=date(2026, 1, 1), more=True),
            "prime_activite": Benefit(since=date(2026, 5, 1), more=True),
            "revenu_solidarite_active": Benefit(since=date(2026, 5, 1), more=True),
        }
    ),
    studies=Studies(
        ine="1234567890G",
        institution="Institut des sciences marines de Rennes",
        uai="0359901A",
        commune=_RENNES,
        regime="RF1",
        grant="6",
    ),
    schooling=Schooling(
        uai="0351234A",
        commune=_RENNES,
        degree="2D",
        course="2112",
        course_name="TERMINALE GENERALE",
        grant=5,
        boarding="1",
    ),
    job_seeker=JobSeeker(identifier="martin_2008", registered=date(2026, 6, 15), category=3),
    service="en_regle",
    contracts=(
        Contract(siret="99700101700012", name="ASSOCIATION LES JARDINS DE VILAINE", start=date(2026, 9, 1), end=None),
        Contract(
            siret="99700202500010",
            name="RESSOURCERIE DU PAYS DE RENNES",
            start=date(2024, 10, 1),
            end=date(2025, 3, 31),
        ),
    ),
    vehicle=Vehicle(
        plate="AB-123-CD",
        brand="RENOVA",
        model="LITTORAL",
        first_registered=date(2019, 3, 14),
        fuel="EL",
        fuel_name="ELECTRICITE",
    ),
    athlete=Athlete(
        number="10203",
        federation="120",
        federation_name="Fédération fictive de voile",
        federation_short="FFV",
        since=date(2025, 11, 1),
        until=date(2027, 10, 31),
    ),
)
"""Whom all providers know."""

_LOU: Final = Person(
    key="lou-martin",
    description="Enfant de Claire Martin, au même foyer",
    birth_name="MARTIN",
    first_names=("LOU",),
    sex="F",
    birth=date(2025, 6, 11),
    birthplace=_RENNES,
)

_YANN: Final = Person(
    key="yann-lefevre",
    description="Père du foyer Lefevre, allocataire à la MSA ; prime d'activité, sans majoration",
    birth_name="LEFEVRE",
    first_names=("YANN", "JOËL"),
    sex="M",
    birth=date(1979, 11, 2),
    birthplace=_GUINGAMP,
    benefits=MappingProxyType({"prime_activite": Benefit(since=date(2025, 2, 1))}),
    vehicle=Vehicle(
        plate="BC-234-DE",
        brand="PEUVRAT",
        model="CAMPAGNE",
        first_registered=date(2015, 9, 30),
        fuel="GO",
        fuel_name="GAZOLE",
        link="cotitulaire",
    ),
)
_GAELLE: Final = Person(
    key="gaelle-roussel",
    description="Mère du foyer Lefevre, à la MSA ; allocataire de l'AEEH et de l'allocation de rentrée scolaire",
    birth_name="ROUSSEL",
    used_name="LEFEVRE",
    first_names=("GAËLLE",),
    sex="F",
    birth=date(1981, 2, 17),
    birthplace=_NANTES,
    benefits=MappingProxyType(
        {
            "allocation_enfant_handicape": Benefit(since=date(2021, 4, 1), status="allocataire"),
            "allocation_rentree_scolaire": Benefit(since=date(2025, 8, 19), status="allocataire"),
        }
    ),
)
_TITOUAN: Final = Person(
    key="titouan-lefevre",
    description="Lycéen boursier et interne, enfant du foyer Lefevre ; pas encore recensé",
    birth_name="LEFEVRE",
    first_names=("TITOUAN",),
    sex="M",
    birth=date(2010, 1, 9),
    birthplace=_GUINGAMP,
    schooling=Schooling(
        uai="0229901B",
        commune=_GUINGAMP,
        degree="2D",
        course="2111",
        course_name="PREMIERE GENERALE",
        grant=3,
        boarding="3",
    ),
    service="pas_en_regle",
)
_ENORA: Final = Person(
    key="enora-lefevre",
    description="Collégienne, enfant du foyer Lefevre pour qui l'AEEH est versée",
    birth_name="LEFEVRE",
    first_names=("ENORA", "ANNE"),
    sex="F",
    birth=date(2014, 6, 24),
    birthplace=_GUINGAMP,
    benefits=MappingProxyType(
        {
            "allocation_enfant_handicape": Benefit(since=date(2021, 4, 1), status="ouvrant_droit"),
            "allocation_rentree_scolaire": Benefit(since=date(2025, 8, 19), status="ouvrant_droit"),
        }
    ),
    schooling=Schooling(
        uai="0229902C", commune=_GUINGAMP, degree="2D", course="2115", course_name="CINQUIEME", boarding="2"
    ),
)

_NADIA: Final = Person(
    key="nadia-benali",
    description="Née à l'étranger (aucune commune de naissance) ; demandeuse d'emploi, RSA majoré, ASF, deux enfants",
    birth_name="BENALI",
    first_names=("NADIA",),
    sex="F",
    birth=date(1988, 8, 30),
    birthplace=None,
    country=_ALGERIA,
    benefits=MappingProxyType(
        {
            "revenu_solidarite_active": Benefit(since=date(2024, 3, 1), more=True),
            "allocation_soutien_familial": Benefit(since=date(2022, 1, 1)),
            "allocation_rentree_scolaire": Benefit(since=date(2025, 8, 19), status="allocataire"),
            "complementaire_sante_solidaire": Benefit(since=date(2024, 4, 1)),
        }
    ),
    job_seeker=JobSeeker(identifier="benali_1988", registered=date(2024, 2, 5), category=1),
)
_SAMI: Final = Person(
    key="sami-benali",
    description="Écolier, enfant de Nadia Benali",
    birth_name="BENALI",
    first_names=("SAMI",),
    sex="M",
    birth=date(2016, 10, 3),
    birthplace=_LILLE,
    benefits=MappingProxyType(
        {"allocation_rentree_scolaire": Benefit(since=date(2025, 8, 19), status="ouvrant_droit")}
    ),
    schooling=Schooling(uai="0599901D", commune=_LILLE, degree="1D", course="1110", course_name="COURS MOYEN 2"),
)
_LINA: Final = Person(
    key="lina-benali",
    description="Enfant de Nadia Benali",
    birth_name="BENALI",
    first_names=("LINA",),
    sex="F",
    birth=date(2022, 12, 19),
    birthplace=_LILLE,
)

_MICHEL: Final = Person(
    key="michel-garnier",
    description="Seul à son foyer ; AAH, complémentaire santé solidaire avec participation ; locataire d'un véhicule",
    birth_name="GARNIER",
    first_names=("MICHEL", "ANDRÉ"),
    sex="M",
    birth=date(1963, 5, 7),
    birthplace=_AJACCIO,
    benefits=MappingProxyType(
        {
            "allocation_adulte_handicape": Benefit(since=date(2018, 6, 1)),
            "complementaire_sante_solidaire": Benefit(since=date(2025, 10, 1), more=True),
        }
    ),
    vehicle=Vehicle(
        plate="CD-345-EF",
        brand="CITRALIS",
        model="BERGERIE",
        first_registered=date(2023, 1, 20),
        fuel="ES",
        fuel_name="ESSENCE",
        link="locataire",
    ),
)

_HUGO: Final = Person(
    key="hugo-petit",
    description="Étudiant en apprentissage, sans bourse, donc inconnu du CNOUS ; service civique en cours",
    birth_name="PETIT",
    first_names=("HUGO", "LOUIS"),
    sex="M",
    birth=date(2007, 9, 15),
    birthplace=_COLMAR,
    studies=Studies(
        ine="2345678901H",
        institution="École fictive des métiers du bois",
        uai="0689901E",
        commune=_COLMAR,
        regime="RF4",
    ),
    service="indetermine",
    contracts=(
        Contract(siret="99700303300014", name="ASSOCIATION DES BERGES DE L'ILL", start=date(2026, 10, 1), end=None),
    ),
)
_EMMA: Final = Person(
    key="emma-moreau",
    description="Étudiante en formation continue, dont la bourse a été retirée ; nom composé, née à La Réunion",
    birth_name="MOREAU-LE GALL",
    first_names=("EMMA",),
    sex="F",
    birth=date(2003, 3, 28),
    birthplace=_SAINT_DENIS,
    studies=Studies(
        ine="3456789012J",
        institution="Université fictive de la Loire",
        uai="0449901F",
        commune=_NANTES,
        regime="RF5",
        grant="0bis",
        struck_off=date(2026, 2, 10),
    ),
    service="en_regle",
    job_seeker=JobSeeker(
        identifier="moreau_2003", registered=date(2025, 7, 1), category=2, ended=date(2026, 1, 31), paid=False
    ),
)
_LEO: Final = Person(
    key="leo-fontaine",
    description="Admis dans une école sans y être inscrit ; service civique fini ; sportif jusqu'en 2024",
    birth_name="FONTAINE",
    first_names=("LÉO",),
    sex="M",
    birth=date(2006, 7, 4),
    birthplace=_NANTES,
    studies=Studies(
        ine="4567890123K",
        institution="Institut fictif du sport",
        uai="0449902G",
        commune=_NANTES,
        regime="RF1",
        enrolled=False,
    ),
    service="en_regle",
    contracts=(
        Contract(siret="99700404100018", name="CLUB NAUTIQUE DE L'ERDRE", start=date(2025, 1, 6), end=date(2025, 7, 5)),
    ),
    athlete=Athlete(
        number="20304",
        federation="121",
        federation_name="Fédération fictive d'aviron",
        federation_short="FFA",
        since=date(2022, 11, 1),
        until=date(2024, 10, 31),
        current=False,
    ),
)

PERSONS: Final = (
    *(CLAIRE, _LOU),
    *(_YANN, _GAELLE, _TITOUAN, _ENORA),
    *(_NADIA, _SAMI, _LINA),
    _MICHEL,
    *(_HUGO, _EMMA, _LEO),
)
"""All of them, household by household."""

BY_KEY: Final[Mapping[str, Person]] = MappingProxyType({person.key: person for person in PERSONS})

HOUSEHOLDS: Final = (
    Household(
        number="2010022",
        fund="CNAF",
        adults=(CLAIRE,),
        children=(_LOU,),
        address=Address(street="12 RUE DES EMBRUNS", postcode="35000", commune=_RENNES, extra="APPARTEMENT 4"),
        quotient=412,
        income=8_940,
    ),
    Household(
        number="2030044",
        fund="MSA",
        adults=(_YANN, _GAELLE),
        children=(_TITOUAN, _ENORA),
        address=Address(street="3 CHEMIN DU PRE CLOS", postcode="22200", commune=_GUINGAMP),
        quotient=873,
        income=34_210,
    ),
    Household(
        number="2040055",
        fund="CNAF",
        adults=(_NADIA,),
        children=(_SAMI, _LINA),
        address=Address(street="58 RUE DU BEFFROI NEUF", postcode="59000", commune=_LILLE, extra="BATIMENT B"),
        quotient=318,
        income=6_480,
    ),
    Household(
        number="2050066",
        fund="CNAF",
        adults=(_MICHEL,),
        address=Address(street="7 COURS DES PINS", postcode="20000", commune=_AJACCIO),
        quotient=655,
        income=12_530,
    ),
    Household(
        number="2060077",
        fund="CNAF",
        adults=(_HUGO,),
        address=Address(street="21 QUAI DES LAVANDIERES", postcode="68000", commune=_COLMAR),
        quotient=701,
        income=11_020,
    ),
    Household(
        number="2070088",
        fund="CNAF",
        adults=(_EMMA,),
        address=Address(street="40 RUE DE L'ECLUSE", postcode="44000", commune=_NANTES),
        quotient=540,
        income=9_310,
    ),
    Household(
        number="2080099",
        fund="CNAF",
        adults=(_LEO,),
        address=Address(street="9 ALLEE DES RAMEURS", postcode="44000", commune=_NANTES),
        quotient=620,
        income=10_150,
    ),
)
"""The households, with every person in one of them."""
