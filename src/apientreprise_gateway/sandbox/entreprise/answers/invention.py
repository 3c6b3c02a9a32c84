"""Invents values for the fields about which nothing is known, by the field's name.

Faker draws numbers, names and texts from a seed, so that the same call gets the same answer. No invented value belongs
to anybody: SIREN start with 997 and RNA with W99, which are not assigned, telephone numbers are in the range reserved
for fiction, and host names end in `.test`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from apientreprise_gateway.sandbox.entreprise.answers.shape import DOCUMENT_SECONDS, DOCUMENTS

if TYPE_CHECKING:
    from faker import Faker

_PAST: Final = (date(2022, 1, 1), date(2025, 6, 30))
_FUTURE: Final = (date(2026, 1, 31), date(2028, 12, 31))
_FIRST_BIRTH: Final = date(1950, 1, 1)
_LAST_BIRTH: Final = date(1999, 12, 31)
_LAST_YEAR: Final = 2024
_PERSON_FIELDS: Final = frozenset({"prenom", "prenoms", "civilite", "nom_patronymique_et_prenoms"})
_TRADES: Final = ("Menuiserie bois", "Isolation thermique", "Plomberie", "Électricité", "Couverture", "Charpente")
_SUBJECTS: Final = (
    "Entretien des locaux",
    "Achat de matériel",
    "Formation des bénévoles",
    "Accueil du public",
    "Rénovation énergétique",
    "Ateliers hebdomadaires",
)
_ASSOCIATIONS: Final = ("Les Sentiers du plateau", "Fanfare des Deux Rives", "Club nautique de l'étang")
_AGREEMENTS: Final = (
    "Industries de produits alimentaires élaborés",
    "Métallurgie",
    "Commerce de détail de fruits et légumes",
    "Bâtiment : ouvriers",
)
_CROPS: Final = ("Pommes", "Châtaignes", "Lentilles vertes", "Lait de brebis")
_INVENTIONS: Final = ("Presse à fruits pliante", "Dispositif de tri optique", "Séchoir à claies mobiles")
_DEEDS: Final = ("Statuts", "Procès-verbal d'assemblée générale", "Acte de cession", "Liste des dirigeants")
_ROLES: Final = ("Président", "Trésorière", "Secrétaire", "Directrice générale", "Gérant")


class Person(NamedTuple):
    """An invented person."""

    title: str
    first_name: str
    name: str
    born: date


class Field(NamedTuple):
    """A field that needs a value."""

    name: str
    holder: str
    """Name of the object that contains it; if that object is about a person, all its fields get the same person."""
    neighbours: frozenset[str]
    """Names of the fields of that object."""
    rank: int
    """Position of the array entry that contains the field."""
    pattern: str = ""


class Inventor:
    """Draws the values of one answer, always the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.fake: Faker = _faker()
        self.fake.seed_instance(seed)
        self._people: dict[str, Person] = {}
        self._days: dict[tuple[str, str], date] = {}

    def text(self, field: Field) -> Any:
        """A value for a text field; it may be a number, which the caller converts."""
        for pattern, draw in _TEXTS:
            if pattern.search(field.name):
                return draw(self, field)
        return self.choice(_SUBJECTS)

    def number(self, field: Field) -> Any:
        """A value for a number field; it may be a day, which the caller converts."""
        for pattern, draw in _NUMBERS:
            if pattern.search(field.name):
                return draw(self, field)
        return self.between(1, 20)

    def day(self, field: Field) -> str:
        """A day, in the form of the field's pattern; the same for `x` and `x_timestamp`."""
        key = (field.holder, field.name.removesuffix("_timestamp"))
        if key not in self._days:
            self._days[key] = self._drawn_day(field)
        day = self._days[key]
        forms = (day.isoformat(), f"{day:%m-%Y}", f"{day:%d-%m}")
        return next((form for form in forms if re.search(field.pattern, form)), forms[0])

    def _drawn_day(self, field: Field) -> date:
        if "naissance" in field.name:
            return self.person(field).born
        if "exercice" in field.name or "cloture" in field.name or "dateDebut" in field.name:
            year = _LAST_YEAR - field.rank
            return date(year, 1, 1) if "ebut" in field.name else date(year, 12, 31)
        first, last = _FUTURE if re.search("fin|validite|expiration", field.name) else _PAST
        drawn: date = self.fake.date_between(start_date=first, end_date=last)
        return drawn

    def flag(self, field: Field) -> bool:
        """True, except for fields in which True would be bad news or unusual."""
        return _EXCEPTIONS.search(field.name) is None

    def choice(self, values: tuple[Any, ...]) -> Any:
        """One of these values."""
        return self.fake.random.choice(values)

    def between(self, low: int, high: int) -> int:
        """A whole number between these bounds, included."""
        number: int = self.fake.random.randint(low, high)
        return number

    def digits(self, count: int) -> str:
        """So many digits, not beginning with zero."""
        return "".join(str(self.between(1 if rank == 0 else 0, 9)) for rank in range(count))

    def matching(self, pattern: str) -> str:
        """A text that matches a pattern of digits and capital letters."""
        pieces = re.findall(r"(\\d|\[A-Z\]|[^\\^$])(?:\{(\d+)\})?", pattern)
        return "".join(self._piece(kind) for kind, count in pieces for _ in range(int(count or 1)))

    def _piece(self, kind: str) -> str:
        if kind == r"\d":
            return str(self.between(0, 9))
        return self.choice(tuple("ABCDEFGHJKLMNPQRSTVWXYZ")) if kind == "[A-Z]" else kind

    def person(self, field: Field) -> Person:
        """The person that a field is about."""
        if field.holder not in self._people:
            woman = self.between(0, 1) == 1
            self._people[field.holder] = Person(
                title="Mme" if woman else "M.",
                first_name=self.fake.first_name_female() if woman else self.fake.first_name_male(),
                name=self.fake.last_name().upper(),
                born=self.fake.date_between(start_date=_FIRST_BIRTH, end_date=_LAST_BIRTH),
            )
        return self._people[field.holder]


@cache
def _faker() -> "Faker":
    from faker import Faker  # noqa: PLC0415 - slow to import, and only needed for invented answers

    return Faker("fr_FR")


def _siren(inventor: Inventor, _field: Field) -> str:
    return _checked(f"997{inventor.digits(5)}")


def _siret(inventor: Inventor, field: Field) -> str:
    return _checked(f"{_siren(inventor, field)}0001")


def _checked(digits: str) -> str:
    """Digits with their Luhn check digit."""
    doubled = [int(digit) * 2 if rank % 2 == 0 else int(digit) for rank, digit in enumerate(reversed(digits))]
    total = sum(value // 10 + value % 10 for value in doubled)
    return f"{digits}{-total % 10}"


def _name(inventor: Inventor, field: Field) -> Any:
    if field.neighbours & _PERSON_FIELDS:
        return inventor.person(field).name
    if "document" in field.holder:
        return inventor.choice(_DEEDS)
    if "assurance" in field.holder:
        return _insurer(inventor, field)
    if "productions" in field.holder:
        return inventor.choice(_CROPS)
    return inventor.choice(_ASSOCIATIONS if "rna" in field.neighbours else _TRADES)


def _insurer(inventor: Inventor, _field: Field) -> str:
    return f"Assurances {inventor.fake.last_name()}"


def _title(_inventor: Inventor, field: Field) -> str:
    titles = _AGREEMENTS if "titre_court" in field.neighbours else _INVENTIONS
    return titles[field.rank % len(titles)]


def _number(inventor: Inventor, field: Field) -> str:
    return str(inventor.between(1, 120)) if "voie" in field.neighbours else inventor.digits(9)


def _birth_or_year(inventor: Inventor, field: Field) -> int:
    if "naissance" in field.holder:
        return inventor.between(1950, 1999)
    return _LAST_YEAR - field.rank


def _full_name(inventor: Inventor, field: Field) -> str:
    person = inventor.person(field)
    return f"{person.name} {person.first_name}"


def _url(inventor: Inventor, field: Field) -> str:
    kind = re.sub(r"_?urls?_?|_documents?$|^documents?_", "", field.name) or "document"
    return f"{DOCUMENTS}/{kind.replace('_', '-')}/{inventor.digits(10)}.pdf"


def _telephone(inventor: Inventor, _field: Field) -> str:
    return f"01 99 00 {inventor.between(0, 99):02d} {inventor.between(0, 99):02d}"


def _mail(inventor: Inventor, _field: Field) -> str:
    return f"contact-{inventor.between(100, 999)}@exemple.test"


def _money(inventor: Inventor, _field: Field) -> int:
    return inventor.between(20, 4000) * 250


def _change(inventor: Inventor, _field: Field) -> float:
    return inventor.between(-200, 400) / 10


Draw = Callable[[Inventor, Field], Any]


def _always(value: Any) -> Draw:
    return lambda _inventor, _field: value


def _one_of(*values: Any) -> Draw:
    return lambda inventor, _field: inventor.choice(values)


def _table(rules: Mapping[str, Draw]) -> tuple[tuple[re.Pattern[str], Draw], ...]:
    return tuple((re.compile(pattern), draw) for pattern, draw in rules.items())


_DAYS: Final = r"^date|_date|^fin_exercice|mise_a_jour|updated_at|timestamp"
_FIGURES: Final = (
    r"montant|^total_|dettes|^capita|capacite|emprunts|chiffre_affaires|^ca$|resultat|excedent|fonds|disponibilites"
    r"|^valeurs?$|groupes_et_associes|valeur_ajoutee|cout|besoin|charges|produits$"
)
_SHARES: Final = r"pourcentage|propriete|usufruit|parts_totale|^total$"

_TEXTS: Final = _table(
    {
        r"siren": _siren,
        r"siret": _siret,
        r"^rna": lambda inventor, _: f"W99{inventor.digits(7)}",
        r"url": _url,
        r"site_web": _always("https://association.exemple.test"),
        r"telephone": _telephone,
        r"courriel": _mail,
        r"uuid": lambda inventor, _: str(inventor.fake.uuid4()),
        r"duree": _always("12"),
        _DAYS: lambda inventor, field: inventor.day(field),
        r"annee|millesime": _birth_or_year,
        r"^mois": lambda inventor, _: f"{inventor.between(1, 12):02d}",
        r"^prenoms?$|prenom_?1$": lambda inventor, field: inventor.person(field).first_name,
        r"prenom|pseudonyme": lambda inventor, _: inventor.fake.first_name(),
        r"code_civilite": _always("M"),
        r"^civilite": lambda inventor, field: inventor.person(field).title,
        r"nom_patronymique_et_prenoms": _full_name,
        r"nom_certificat": _one_of("Certificat RGE Travaux", "Certificat RGE Études"),
        r"^nom$": _name,
        r"nom_(de_naissance|usage)": lambda inventor, field: inventor.person(field).name,
        r"denomination|raison_sociale|fournisseur|cofinanceur|attributeur": lambda inventor, _: inventor.fake.company(),
        r"organisme": _one_of("Certibio", "Organisme de contrôle du Sud-Est"),
        r"service_instructeur": _one_of("Service de la vie associative", "Direction de la culture"),
        r"assurance": _insurer,
        r"code_pays|code_nationalite": _always("FR"),
        r"pays": _always("FRANCE"),
        r"nationalite": _always("FRANÇAISE"),
        r"^devise$": _always("Euros"),
        r"monnaie": _always("EUR"),
        r"code_postal|code_insee|cog$": lambda inventor, _: inventor.fake.postcode(),
        r"^numero(_voie)?$": _number,
        r"type_voie": _one_of("RUE", "AVENUE", "PLACE"),
        r"voie|^rue$": lambda inventor, _: inventor.fake.street_name(),
        r"epci": _always("Communauté de communes des Deux Vallées"),
        r"commune|ville|localite|lieu": lambda inventor, _: inventor.fake.city(),
        r"forme_juridique": _one_of("SAS", "SARL", "SA"),
        r"^fonction$|^qualite$": _one_of(*_ROLES),
        r"indiceRepetition": lambda _, field: f"{field.rank + 1:05d}",
        r"evolution": _change,
        r"^ratio": lambda inventor, _: inventor.between(50, 250) / 100,
        _FIGURES: _money,
        r"imprime": _one_of("2050", "2051", "2052", "2053"),
        r"code_type_donnee": _one_of("MOA", "QTY", "TXT"),
        r"code_nafa_libelle": _one_of(*_TRADES),
        r"code_nafa": lambda inventor, _: f"{inventor.digits(4)}ZZ",
        r"^rge$": _always("OUI"),
        r"eirl_id_registre": _always("1"),
        r"groupement": _always("simple"),
        r"^code|_code|^id$|^id_|_id$|itip|Ocfi|Obf|Nace|ROF|^cle$": lambda inventor, _: inventor.digits(4),
        r"numero|identifiant|jointure|reference|nbRof": lambda inventor, _: inventor.digits(9),
        r"^titre|synonymes": _title,
        r"marque_status": _always("Marque enregistrée"),
        r"marque": _one_of("VALVERGER", "LA CLAIE D'OR", "TROIS PRESSES"),
        r"reseau": _one_of("Biocoop", "Indépendant"),
        r"^activites$": _one_of("Production", "Préparation"),
        r"^categories$": _one_of("Vente aux consommateurs", "Vente en gros"),
        r"activite|domaine|qualification|definition|production|categorie|mention|specialite|indice|label|nar_": (
            _one_of(*_TRADES)
        ),
        r"document|acte|archive": _one_of(*_DEEDS),
        r"^type$": lambda inventor, field: inventor.choice(
            _DEEDS if "document" in field.holder or "timestamp" in field.neighbours else ("Agrément", "Siège")
        ),
        r"etat|statut|status": _always("Actif"),
    }
)
"""How a text is drawn: by the first pattern that matches the field's name."""

_NUMBERS: Final = _table(
    {
        r"expires_in": _always(DOCUMENT_SECONDS),
        _DAYS: lambda inventor, field: inventor.day(field),
        r"annee|millesime": _birth_or_year,
        r"^lat$": lambda inventor, _: inventor.between(430_000, 500_000) / 10_000,
        r"^long$": lambda inventor, _: inventor.between(-10_000, 70_000) / 10_000,
        r"evolution": _change,
        r"duree": _always(12),
        r"confidentiel|deficients|fermes": _always(0),
        r"greffe": _one_of(2602, 6801, 2901),
        r"id_fichier|rnm_id|numero": lambda inventor, _: inventor.between(1000, 9999),
        r"^rang$": lambda _, field: field.rank + 1,
        _SHARES: _one_of(5, 10, 20, 25),
        _FIGURES: _money,
    }
)
"""How a number is drawn: by the first pattern that matches the field's name."""

_EXCEPTIONS: Final = re.compile(
    "neant|archived|poursuite|liquidation|gateway_error|en_cours|impots|associe_unique|sans_gestion"
    "|plusieurs_nda|transfert_siege|utilite_publique|via_unite_legale"
)
"""Matches the names of flags that are false."""

UNKNOWN: Final = frozenset({"Inconnu", "Non renseigné", "SANS QUALIFICATION"})
"""Values of enumerations that mean unknown; they are not drawn."""

FIRST: Final = re.compile(
    "stat|etat|regime|niveau|groupement|civilite|^type$|champ|modalite|sedentaire|nature_entreprise"
)
"""Matches the names of enumerations whose first value is the ordinary one."""

NOTHING: Final = re.compile(
    "redirect|^date_fin(_enregistrement|_personne)?$|date_suspension|date_arret$|cedex|distribution|^complement|volume"
    "|folio|tribunal|date_publication_registre|raison_non|detail_cessation|ancien_id|nom_marital|nom_usage|secondaire"
    "|indice_repetition|lieu_dit|cloture_liquidation|transfert_patrimoine|^eirl|declaration_procedures|code_APRM"
    "|code_uai|dissolution|liquidation|poursuite|utilite_publique|pseudonyme|commentaire"
)
"""Matches the names of fields that have no value for an ordinary entity, if they may be null or absent."""

ERRORS: Final = "errors"
"""Name of the array that says why there is no document; the gateway fills it."""

NO_ENTRIES: Final = frozenset({ERRORS, "beneficiaires_sans_modalites_uuids"})
"""Names of arrays that are empty."""

LENGTHS: Final[Mapping[str, int]] = MappingProxyType({"data": 2, "exercices": 3, "bilans": 3, "valeurs": 1})
"""Number of entries of an array, by its name; others have one."""
