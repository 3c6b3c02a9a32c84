"""What the people of a demonstration asked for: from DataPass, and by the form of the portal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from apientreprise_gateway.accounts.model import ProductKey
from apientreprise_gateway.accounts.own_form import Form, Person
from apientreprise_gateway.cli.demo_accounts import people
from apientreprise_gateway.sandbox.datapass.requests import FictivePerson, FictiveRequest

_COMPANIES: Final = (
    "unites_legales_etablissements_insee",
    "associations_djepva",
    "attestation_fiscale_dgfip",
    "attestation_sociale_urssaf",
    "chiffre_affaires_dgfip",
    "open_data",
)
_ASSOCIATIONS: Final = (
    "unites_legales_etablissements_insee",
    "associations_djepva",
    "data_subvention_subventions",
    "open_data",
)
_QUOTIENT: Final = ("cnaf_quotient_familial", "cnaf_allocataires", "cnaf_enfants", "cnaf_adresse")
MARKETS: Final = 90101
NEW: Final = 90102
ENDING: Final = 90103
LEAKED: Final = 90104
REVOKED: Final = 90105
ARCHIVED: Final = 90106
DISTRICT_MARKETS: Final = 90107
TERRACES: Final = 90108
CANTEEN: Final = 90201
BUSES: Final = 90202
Steps = Sequence[tuple[str, float]]
"""Events, and how many days ago each happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A request of which DataPass tells."""

    request: FictiveRequest
    steps: Steps
    form: int = 2
    """In which of its two forms."""


_DISTRICT: Final = Told(
    request=FictiveRequest(
        product="entreprise",
        number=DISTRICT_MARKETS,
        title="Marchés de la communauté de communes",
        description="Vérifier la situation des entreprises qui répondent aux marchés.",
        siret=people.DISTRICT,
        organization=people.DISTRICT_NAME,
        scopes=_COMPANIES,
        form_uid=people.MARKETS_FORM,
        applicant=people.ROBIN,
        business_contact=people.ROBIN,
        technical_contact=people.SACHA,
    ),
    steps=(("create", 130), ("submit", 129), ("approve", 122)),
)


def told(*, ending: float) -> tuple[Told, ...]:
    """The requests of DataPass; `ending` is how many days ago a token was made that ends soon."""
    return (
        Told(
            request=_town(MARKETS, "Marchés publics de la commune", _COMPANIES, form_uid=people.MARKETS_FORM),
            steps=(
                ("create", 222),
                ("submit", 221.9),
                ("request_changes", 218),
                ("update", 216.2),
                ("submit", 216.1),
                ("approve", 214),
            ),
        ),
        Told(
            request=_town(NEW, "Aides aux commerces du centre-bourg", _COMPANIES, form_uid="api-aides-publiques"),
            steps=(("create", 9), ("submit", 8.8), ("approve", 3)),
        ),
        Told(
            request=_town(ENDING, "Subventions aux associations", _ASSOCIATIONS, form_uid="api-subventions"),
            steps=(("create", ending + 6), ("submit", ending + 5), ("validate", ending)),
            form=1,
        ),
        Told(
            request=_town(LEAKED, "Fiabilisation du fichier des fournisseurs", _ASSOCIATIONS, form_uid="api-tiers"),
            steps=(("create", 160), ("submit", 159), ("approve", 150)),
        ),
        Told(
            request=_town(REVOKED, "Guichet unique, expérimentation", _ASSOCIATIONS, form_uid="api-guichet"),
            steps=(("create", 260), ("submit", 259), ("approve", 250), ("revoke", 30)),
        ),
        Told(
            request=_town(ARCHIVED, "Annuaire des artisans", ("open_data",), form_uid="api-annuaire"),
            steps=(("create", 205), ("archive", 190)),
        ),
        Told(
            request=replace(
                _town(TERRACES, "Autorisations de terrasses", ("open_data",), form_uid="api-domaine"),
                applicant=people.MORGAN,
            ),
            steps=(("create", 310), ("submit", 309), ("approve", 301)),
        ),
        _DISTRICT,
        Told(
            request=_town(CANTEEN, "Cantine et accueil périscolaire", _QUOTIENT, product="particulier"),
            steps=(("create", 165), ("submit", 164), ("approve", 155)),
        ),
        Told(
            request=_town(BUSES, "Transport scolaire", _QUOTIENT, product="particulier"),
            steps=(("create", 590), ("submit", 589), ("approve", 580)),
        ),
    )


def _town(
    number: int, title: str, scopes: Sequence[str], *, product: str = "entreprise", form_uid: str = "api-tarification"
) -> FictiveRequest:
    return FictiveRequest(
        product=product,
        number=number,
        title=title,
        description=f"{title} : vérifier les pièces sans les demander aux usagers.",
        siret=people.TOWN,
        organization=people.TOWN_NAME,
        scopes=scopes,
        form_uid=form_uid,
        applicant=people.CAMILLE,
        business_contact=people.DOMINIQUE,
        technical_contact=people.SACHA,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A request that is made in the portal, without DataPass."""

    key: str
    product: ProductKey
    form: Form
    """Its scopes are those of its use case."""
    steps: Steps
    comment: str = ""
    """What its operator writes."""


def _person(person: FictivePerson) -> Person:
    return Person(
        email=person.email,
        given_name=person.given_name,
        family_name=person.family_name,
        phone_number=person.phone_number,
        job_title=person.job,
    )


def _form(title: str, use_case: str, *, district: bool = False, **changes: object) -> Form:
    first = people.ROBIN if district else people.CAMILLE
    values: Mapping[str, object] = {
        "siret": people.DISTRICT if district else people.TOWN,
        "organization": people.DISTRICT_NAME if district else people.TOWN_NAME,
        "eligibility": "collectivite",
        "title": title,
        "description": f"{title} : instruire les dossiers sans redemander de pièces.",
        "use_case": use_case,
        "legal_basis": "Délibération n° 2026-014 du conseil, article 3",
        "legal_basis_url": "https://mairie-fontaine.example/deliberations/2026-014",
        "recipients": "Agents du service instructeur",
        "retention_months": "12",
        "volume": "200 appels par mois",
        "planned_start": "2027-01-15",
        "applicant": _person(first),
        "business_contact": _person(first if district else people.DOMINIQUE),
        "technical_contact": _person(people.SACHA),
        "dpo": _person(people.DPO),
        "controller": _person(people.PRESIDENT if district else people.MAYOR),
        "controller_siret": people.DISTRICT if district else people.TOWN,
        "terms_accepted": True,
    }
    return Form(**{**values, **changes})  # type: ignore[arg-type]  # the names are those of its fields


NURSERY: Final = "nursery"
OWN: Final = (
    Own(
        key=NURSERY,
        product=ProductKey.PARTICULIER,
        form=_form("Tarifs de la crèche", "tarification_creche"),
        steps=(("begin", 71), ("submit", 70), ("approve", 62)),
    ),
    Own(
        key="watch",
        product=ProductKey.ENTREPRISE,
        form=_form("Veille économique du territoire", "aides_publiques"),
        steps=(("begin", 47), ("submit", 46), ("refuse", 40)),
        comment="La veille économique ne correspond à aucune démarche administrative : aucun texte ne permet d’ouvrir "
        "ces données. Les données ouvertes des entreprises répondent à ce besoin.",
    ),
    Own(
        key="help",
        product=ProductKey.PARTICULIER,
        form=_form("Aides facultatives du CCAS", "aides_facultatives", retention_months="36"),
        steps=(("begin", 13), ("submit", 12), ("request_changes", 4)),
        comment="Merci de joindre le règlement des aides du CCAS, et d’expliquer pourquoi les données sont conservées "
        "36 mois.",
    ),
    Own(
        key="prefilling",
        product=ProductKey.ENTREPRISE,
        form=_form("Pré-remplissage du portail des démarches", "preremplissage"),
        steps=(("begin", 3), ("submit", 1.2)),
    ),
    Own(
        key="buildings",
        product=ProductKey.ENTREPRISE,
        form=_form("Aides à l’immobilier d’entreprise", "aides_publiques", district=True),
        steps=(("begin", 6), ("submit", 5.4)),
    ),
    Own(
        key="places",
        product=ProductKey.PARTICULIER,
        form=_form("Inscriptions à la crèche", "petite_enfance", legal_basis="", legal_basis_url="", dpo=Person()),
        steps=(("begin", 2),),
    ),
)
