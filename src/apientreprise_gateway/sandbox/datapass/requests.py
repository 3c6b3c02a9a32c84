"""Fictive requests for access, with their invented people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DOMAIN: Final = "mairie-exemple.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class FictivePerson:
    """Somebody who does not exist."""

    number: int
    email: str
    given_name: str
    family_name: str
    phone_number: str
    job: str


APPLICANT: Final = FictivePerson(
    number=71,
    email=f"camille.durand@{DOMAIN}",
    given_name="Camille",
    family_name="Durand",
    phone_number="0100000071",
    job="Responsable des achats",
)
BUSINESS_CONTACT: Final = FictivePerson(
    number=72,
    email=f"dominique.petit@{DOMAIN}",
    given_name="Dominique",
    family_name="Petit",
    phone_number="0100000072",
    job="Chef de service",
)
TECHNICAL_CONTACT: Final = FictivePerson(
    number=73,
    email="sacha.moreau@editeur-exemple.example",
    given_name="Sacha",
    family_name="Moreau",
    phone_number="0100000073",
    job="Développeuse",
)
SUCCESSOR: Final = FictivePerson(
    number=74,
    email=f"claude.bernard@{DOMAIN}",
    given_name="Claude",
    family_name="Bernard",
    phone_number="0100000074",
    job="Directrice générale des services",
)
OFFICER: Final = FictivePerson(
    number=75,
    email=f"dpo@{DOMAIN}",
    given_name="Alix",
    family_name="Roux",
    phone_number="0100000075",
    job="Déléguée à la protection des données",
)
CONTROLLER: Final = FictivePerson(
    number=76,
    email=f"maire@{DOMAIN}",
    given_name="Maxime",
    family_name="Leroy",
    phone_number="0100000076",
    job="Maire",
)
SCOPES: Final = {
    "entreprise": ("unites_legales_etablissements_insee", "associations_djepva", "open_data_unites_legales"),
    "particulier": ("cnaf_quotient_familial", "cnaf_allocataires"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FictiveRequest:
    """A request for access."""

    product: str
    """`entreprise` or `particulier`."""
    number: int = 9001
    title: str = "Instruction des marchés publics"
    description: str = "Vérifier la situation des entreprises candidates."
    siret: str = "21130055300016"
    organization: str = "COMMUNE D'EXEMPLE"
    scopes: Sequence[str] = ()
    """None for those of the product."""
    modalities: Sequence[str] = ("params",)
    form_uid: str = "api-marches-publics"
    applicant: FictivePerson = APPLICANT
    business_contact: FictivePerson = BUSINESS_CONTACT
    technical_contact: FictivePerson = TECHNICAL_CONTACT
    copied_from: int | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The scopes that are asked for."""
        return tuple(self.scopes) or SCOPES[self.product]
