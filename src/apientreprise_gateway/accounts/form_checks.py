"""What a request must hold to be submitted; each fault belongs to a field of the form, in French."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from apientreprise_gateway.accounts.datapass import values
from apientreprise_gateway.accounts.model import ProductKey
from apientreprise_gateway.accounts.own_form import Form, Person
from apientreprise_gateway.contract.identifiers import is_siret

JUSTIFIED_MONTHS: Final = 36
"""Of keeping data: more has to be justified."""
MOST_MONTHS: Final = 1200
LONGEST_URL: Final = 2000
MAX_PDF: Final = 10_000_000
"""Bytes that a legal text may have."""
CENTRAL: Final = "administration_centrale"
EDITOR: Final = "editeur"
ELIGIBLE: Final = {
    CENTRAL: "Administration centrale ou autorité de l’État",
    "collectivite": "Collectivité territoriale ou groupement de collectivités",
    "etablissement_public": "Établissement public",
    "mission_service_public": "Organisme chargé d’une mission de service public",
    EDITOR: "Éditeur de logiciel, pour ses clients publics",
}
"""The kinds of body that may ask; companies, associations and persons may not."""
_ALONE: Final = re.compile(
    r"l\.?\s*114-8|l\.?\s*113-1[23]|essoc|lemaire|crpa|relations entre le public et (l'|l’)administrations?"
    r"|r[ée]publique num[ée]rique|[ée]tat au service d'une soci[ée]t[ée] de confiance|dites[- ]le[- ]nous une fois",
    re.IGNORECASE,
)
_FILLER: Final = re.compile(
    r"\b(articles?|art|code|loi|lois|n|no|du|de|des|d|la|le|les|l|et|au|aux|relative?|pour|une?|dite?|suivants?)\b|[\W\d_]+",
    re.IGNORECASE,
)
_DECREE: Final = re.compile(r"d[ée]cret|arr[êe]t[ée]|\bloi\b|\bcode\b", re.IGNORECASE)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request cannot be submitted as it is."""

    field: str
    """The field of the form, such as `siret` or `dpo.email`."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What may be asked for of a product."""

    product: ProductKey
    scopes: Collection[str]
    use_cases: Collection[str]
    """Their keys."""


def faults(form: Form, catalogue: Catalogue) -> list[Fault]:
    """Every fault of a form, in the order of its fields; none for one that can be submitted."""
    return [Fault(field, message) for check in _CHECKS for field, message in check(form, catalogue)]


_Found = Iterator[tuple[str, str]]


def _body(form: Form, catalogue: Catalogue) -> _Found:
    if not is_siret(form.siret):
        yield "siret", "Le SIRET comporte 14 chiffres, sans espace. Vérifiez celui de votre organisme."
    if form.eligibility not in ELIGIBLE:
        yield (
            "eligibility",
            "L’API est réservée aux administrations et aux organismes chargés d’une mission de service public.",
        )
    elif form.eligibility == EDITOR and catalogue.product is ProductKey.PARTICULIER:
        yield "eligibility", "Pour API Particulier, la demande est faite par l’administration cliente de l’éditeur."


def _purpose(form: Form, catalogue: Catalogue) -> _Found:
    if values.line(form.title) is None:
        yield "title", "Donnez un nom à la demande."
    if not form.description:
        yield "description", "Décrivez la démarche et l’usage des données."
    if form.use_case not in catalogue.use_cases:
        yield "use_case", "Choisissez un cas d’usage, et un seul : faites une demande par cadre métier."


def _data(form: Form, catalogue: Catalogue) -> _Found:
    unknown = [scope for scope in form.scopes if scope not in catalogue.scopes]
    if not form.scopes:
        yield "scopes", "Choisissez au moins une donnée."
    elif unknown:
        yield "scopes", f"Ces données n’existent pas dans le catalogue : {', '.join(unknown[:5])}."


def _law(form: Form, _catalogue: Catalogue) -> _Found:
    if not form.legal_basis:
        yield "legal_basis", "Indiquez le texte qui vous autorise à traiter ces données, avec son article."
    elif _is_general(form.legal_basis):
        yield (
            "legal_basis",
            "Le CRPA, la loi ESSOC et la loi pour une République numérique ne suffisent pas seuls : citez votre texte.",
        )
    elif form.eligibility == CENTRAL and not _DECREE.search(form.legal_basis):
        yield "legal_basis", "Une administration centrale cite le décret, l’arrêté ou la loi qui crée la démarche."
    if form.legal_basis_url and not _is_link(form.legal_basis_url):
        yield "legal_basis_url", "Donnez une adresse complète, qui commence par https://."
    elif not form.legal_basis_url and not form.attachment_id:
        yield "legal_basis_url", "Donnez le lien vers le texte, ou joignez-le en PDF."


def _is_general(basis: str) -> bool:
    """Whether only laws are cited that let administrations exchange data in general."""
    return _ALONE.search(basis) is not None and len(_FILLER.sub("", _ALONE.sub("", basis))) < 8


def _is_link(url: str) -> bool:
    if len(url) > LONGEST_URL or values.line(url, LONGEST_URL) != url or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in (parts.hostname or "")


def _privacy(form: Form, _catalogue: Catalogue) -> _Found:
    if not form.recipients:
        yield "recipients", "Indiquez qui reçoit les données, par exemple les agents d’un service."
    months = values.count(form.retention_months.strip(), MOST_MONTHS)
    if not months:
        yield "retention_months", "Indiquez la durée de conservation des données, en mois."
    elif months > JUSTIFIED_MONTHS and not form.retention_reason:
        yield "retention_reason", f"Justifiez une conservation de plus de {JUSTIFIED_MONTHS} mois."
    yield from _person("dpo", "délégué à la protection des données", form.dpo)
    yield from _person("controller", "responsable de traitement", form.controller)
    if not is_siret(form.controller_siret) or form.controller_siret[:9] != form.siret[:9]:
        yield "controller_siret", "Le responsable de traitement appartient à l’organisme qui fait la demande."


def _people(form: Form, _catalogue: Catalogue) -> _Found:
    yield from _person("applicant", "demandeur", form.applicant)
    yield from _person("business_contact", "contact métier", form.business_contact)
    yield from _person("technical_contact", "contact technique", form.technical_contact)


def _person(field: str, who: str, person: Person) -> _Found:
    if values.email(person.email) is None:
        yield f"{field}.email", f"Donnez l’adresse électronique du {who}."
    if not person.given_name:
        yield f"{field}.given_name", f"Donnez le prénom du {who}."
    if not person.family_name:
        yield f"{field}.family_name", f"Donnez le nom de famille du {who}."


def _service(form: Form, _catalogue: Catalogue) -> _Found:
    if not form.volume:
        yield "volume", "Donnez un ordre de grandeur du nombre d’appels par mois."
    if form.planned_start and not _DATE.fullmatch(form.planned_start):
        yield "planned_start", "Écrivez la date sous la forme AAAA-MM-JJ."
    if not form.terms_accepted:
        yield "terms_accepted", "Acceptez les conditions générales d’utilisation."


_CHECKS: Final[tuple[Callable[[Form, Catalogue], _Found], ...]] = (
    _body,
    _purpose,
    _data,
    _law,
    _privacy,
    _people,
    _service,
)


def pdf_fault(content: bytes) -> str | None:
    """Why a file cannot be the text of a law, in French; None if it is a PDF. Its content counts, not its name."""
    if len(content) > MAX_PDF:
        return "Le fichier dépasse 10 Mo."
    # Readers look for both within a kilobyte of the ends.
    if b"%PDF-" not in content[:1024] or b"%%EOF" not in content[-1024:]:
        return "Le fichier n’est pas un PDF."
    return None
