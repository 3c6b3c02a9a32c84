"""Error codes of the gateway, with the answers they become.

Five digits: the first two name the provider (00 is the gateway itself), the last three say what happened.
Statuses and titles are those that API Entreprise publishes, and so are short details, which integrators compare; longer
ones, and those of providers, are our own words. 009xx is ours alone, and new codes of ours go there; 00204, 00405 to
00409, 00505 and 00506 are ours as well, older, and free in the published list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import orjson

GATEWAY_PREFIX: Final = "00"
"""What the gateway's own codes begin with."""
FLAT_VERSION: Final = 2
"""The API version whose errors are bare texts."""

Source = Mapping[str, str]
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiError:
    """One error of an answer, in the published shape."""

    code: str
    title: str
    detail: str
    source: Source | None = None
    meta: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)

    def as_object(self) -> dict[str, Any]:
        """The error as the v3+ body carries it; `source` is left out where there is none."""
        body: dict[str, Any] = {"code": self.code, "title": self.title, "detail": self.detail}
        if self.source is not None:
            body["source"] = dict(self.source)
        body["meta"] = dict(self.meta)
        return body


class Refusal(Exception):  # noqa: N818 - a refused call is an answer, not a failure of the program
    """A check of the pipeline refuses the call; the pipeline turns it into the answer."""

    def __init__(self, status: int, *errors: ApiError, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(status, errors)
        self.status = status
        self.errors = errors
        self.headers = headers


class ConnectionDropped(Exception):  # noqa: N818 - the contract's answer to a banned address
    """The call gets no answer: its connection is closed without a byte."""


@dataclass(frozen=True, slots=True)
class _Kind:
    status: int
    title: str
    detail: str
    source: Source | None = None


def _parameter(name: str) -> Source:
    return {"parameter": name}


_INVALID = "Entité non traitable"

GATEWAY_ERRORS: Final[Mapping[str, _Kind]] = {
    "00015": _Kind(
        409,
        "Conflit",
        "Le même appel est déjà en cours de traitement. Attendez sa réponse avant de le refaire.",
    ),
    "00100": _Kind(
        403,
        "Privilèges insuffisants",
        "Votre token est valide mais vos privilèges sont insuffisants. Listez vos privilèges sur /v2/privileges",
        _parameter("token"),
    ),
    "00101": _Kind(401, "Interdit", "Votre token n'est pas valide ou n'est pas renseigné", _parameter("token")),
    "00103": _Kind(
        401,
        "Jeton expiré",
        "Votre jeton a expiré. Demandez sa prolongation ou un nouveau jeton.",
        _parameter("token"),
    ),
    "00105": _Kind(401, "Jeton sur liste noire", "Votre jeton a été révoqué.", _parameter("token")),
    "00107": _Kind(
        403,
        "Adresse IP non autorisée",
        "Votre adresse IP n'est pas autorisée à utiliser ce jeton.",
        {"header": "X-Forwarded-For"},
    ),
    "00201": _Kind(422, _INVALID, "Le paramètre context est obligatoire", _parameter("context")),
    "00202": _Kind(422, _INVALID, "Le paramètre object est obligatoire", _parameter("object")),
    "00203": _Kind(
        422,
        _INVALID,
        "Le paramètre recipient est obligatoire",
        _parameter("recipient"),
    ),
    "00204": _Kind(
        422,
        _INVALID,
        "Le paramètre user_id est obligatoire",
        _parameter("user_id"),
    ),
    "00210": _Kind(
        422,
        _INVALID,
        "Le paramètre recipient n'est pas un siret valide",
        _parameter("recipient"),
    ),
    "00301": _Kind(422, _INVALID, "Le numéro de siren n'est pas correctement formatté", _parameter("siren")),
    "00302": _Kind(422, _INVALID, "Le numéro de siret n'est pas correctement formatté", _parameter("siret")),
    "00303": _Kind(
        422,
        _INVALID,
        "Le numéro de siret ou le numéro d'association indiqué n'est pas correctement formatté",
        _parameter("id"),
    ),
    "00304": _Kind(
        422, _INVALID, "Le numéro de siret ou le numéro EORI n'est pas correctement formatté", _parameter("id")
    ),
    "00305": _Kind(422, _INVALID, "Le format du mois n'est pas valide", _parameter("month")),
    "00307": _Kind(422, _INVALID, "L'année n'est pas correctement formatée", _parameter("year")),
    "00310": _Kind(422, _INVALID, "Le type d'attestation indiqué n'est pas correctement formatté (uniquement: AVG_UR)"),
    "00311": _Kind(422, _INVALID, "Le siren_is n'est pas correctement formatté", _parameter("siren_is")),
    "00312": _Kind(422, _INVALID, "Le siren_tva n'est pas correctement formatté", _parameter("siren_tva")),
    "00313": _Kind(422, _INVALID, "Le paramètre limit n'est pas correctement formatté", _parameter("limit")),
    "00315": _Kind(
        422,
        _INVALID,
        "L'année n'est pas valide : elle doit être comprise entre 2006 et l'année précédente",
    ),
    "00330": _Kind(
        422,
        _INVALID,
        "Le numéro de siren ou le numéro de siret ou le numéro d'association indiqué n'est pas correctement formatté",
        _parameter("id"),
    ),
    "00333": _Kind(
        422,
        _INVALID,
        "Le numéro de siren ou le numéro d'association indiqué n'est pas correctement formatté",
        _parameter("id"),
    ),
    "00390": _Kind(422, _INVALID, "La profondeur doit être un entier de 0 à 13.", _parameter("profondeur")),
    "00401": _Kind(400, _INVALID, "Votre requête est invalide"),
    "00402": _Kind(404, "Version d'API non prise en charge", "Cette ressource n'existe pas dans la version demandée."),
    "00403": _Kind(410, "Lien expiré", "Le lien de téléchargement est expiré."),
    "00404": _Kind(404, "Ressource inconnue", "Aucune ressource ne correspond à ce chemin."),
    "00405": _Kind(405, "Méthode non autorisée", "Seules les méthodes GET et HEAD sont acceptées."),
    "00406": _Kind(414, "Adresse trop longue", "L'adresse de la requête, paramètres compris, est trop longue."),
    "00408": _Kind(404, "Document inconnu", "Ce lien ne mène à aucun document."),
    "00409": _Kind(416, "Plage non disponible", "Le document n'a pas la plage d'octets demandée."),
    "00429": _Kind(
        429,
        "Trop de requêtes",
        "Vous avez effectué trop de requêtes",
    ),
    "00407": _Kind(431, "En-têtes trop longs", "Les en-têtes de la requête sont trop longs, ou trop nombreux."),
    "00500": _Kind(500, "Erreur interne", "Une erreur interne est survenue. Elle a été enregistrée."),
    "00502": _Kind(
        502,
        "Erreur réseau du service d'hébergement de données",
        "Le document n'a pas pu être conservé ou relu par la passerelle. Réessayez.",
    ),
    "00505": _Kind(
        503, "Service indisponible", "La passerelle ne peut pas compter vos appels en ce moment. Réessayez plus tard."
    ),
    "00506": _Kind(
        503,
        "Service indisponible",
        "La passerelle ne connaît pas encore les clés qui vérifient votre jeton. Réessayez dans une minute.",
    ),
    "00501": _Kind(
        502,
        "Erreur réseau",
        "Le réseau entre la passerelle et le fournisseur de données a failli. Réessayez.",
    ),
    # 009xx: ours alone. The published service may give any other number a meaning of its own.
    "00901": _Kind(
        403,
        "Adresse IP bannie",
        "L'adresse IP de cet appel est bannie pour 12 heures : elle a fait trop d'appels, ou ignoré trop de refus.",
    ),
    "00902": _Kind(
        422,
        _INVALID,
        "Le paramètre ressources doit nommer de 1 à 20 ressources, séparées par des virgules.",
        _parameter("ressources"),
    ),
    "00903": _Kind(
        422,
        _INVALID,
        "Le paramètre ressources nomme des ressources qui n'existent pas dans un dossier.",
        _parameter("ressources"),
    ),
    "00904": _Kind(
        503,
        "Service indisponible",
        "La passerelle ne sait pas encore quels jetons sont révoqués. Réessayez dans quelques secondes.",
    ),
    "00905": _Kind(
        503,
        "Service indisponible",
        "Trop de téléchargements sont en cours. Réessayez après la durée de l'en-tête Retry-After.",
    ),
    "00906": _Kind(
        503,
        "Service indisponible",
        "La passerelle ne peut pas enregistrer la trace de vos appels en ce moment. Réessayez plus tard.",
    ),
    "00907": _Kind(
        429,
        "Trop de requêtes",
        "Votre adresse a demandé trop de pages de documentation et de supervision en une minute. Attendez la durée de "
        "l'en-tête Retry-After.",
    ),
    "00908": _Kind(
        503,
        "Service indisponible",
        "La passerelle attend que trop de réponses soient lues. Réessayez après la durée de l'en-tête Retry-After.",
    ),
    "00909": _Kind(
        400,
        "Paramètres illisibles",
        "Les paramètres de la requête ont des octets qui n'y sont pas permis, comme une lettre accentuée ou une "
        "espace. Encodez-les en pourcent, en UTF-8 : é s'écrit %C3%A9.",
    ),
}
"""The gateway's own errors by code."""

_BAD_FILE = "Fichier renvoyé par le fournisseur de données non valide"

PROVIDER_ERRORS: Final[Mapping[str, _Kind]] = {
    "000": _Kind(502, "Erreur interne du fournisseur de données", "{provider} signale une erreur interne."),
    "001": _Kind(502, "Service non disponible", "Le service du fournisseur {provider} est indisponible."),
    "002": _Kind(504, "Intermédiaire hors-délai", "{provider} n'a pas répondu dans le délai imparti."),
    "003": _Kind(404, "Entité non trouvée", "{provider} ne connaît pas l'entité demandée, ou n'a rien à son sujet."),
    "004": _Kind(
        502, "Erreur de résolution DNS", "Le nom du service du fournisseur {provider} n'a pas pu être résolu."
    ),
    "005": _Kind(
        451,
        "Indisponible pour des raisons légales",
        "{provider} n'est pas autorisé à diffuser les données de cette entité.",
    ),
    "006": _Kind(
        502,
        "Erreur d'authentification auprès du fournisseur de données",
        "{provider} a refusé l'authentification de la passerelle.",
    ),
    "008": _Kind(
        502,
        "Erreur auprès du fournisseur de données : trop de requêtes",
        "{provider} refuse momentanément les appels de la passerelle.",
    ),
    "009": _Kind(
        502,
        "Erreur de certificat SSL du fournisseur de données",
        "Le certificat du fournisseur {provider} n'est pas valide.",
    ),
    "020": _Kind(
        503, "Maintenance du fournisseur de données", "Le service du fournisseur {provider} est en maintenance."
    ),
    "051": _Kind(502, _BAD_FILE, "Le fichier renvoyé par {provider} est illisible."),
    "052": _Kind(502, _BAD_FILE, "Le téléchargement du fichier du fournisseur {provider} a pris trop de temps."),
    "053": _Kind(502, _BAD_FILE, "Le fichier du fournisseur {provider} n'a pas pu être téléchargé."),
    "054": _Kind(502, _BAD_FILE, "L'adresse du fichier donnée par {provider} n'est pas valide."),
    "055": _Kind(502, _BAD_FILE, "Le fichier renvoyé par {provider} n'est pas du type attendu."),
    "056": _Kind(502, _BAD_FILE, "Le fichier renvoyé par {provider} est vide."),
    "999": _Kind(
        502,
        "Erreur inconnue du fournisseur de données",
        "La réponse du fournisseur {provider} n'est pas celle attendue.",
    ),
}
"""What can be said of a provider, by the last three digits of the code."""


@dataclass(frozen=True, slots=True)
class _Specific:
    title: str
    detail: str
    meta: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    """Besides the provider's name."""


_BAD_ANSWER = "Mauvaise réponse du fournisseur de données"

SPECIFIC_ERRORS: Final[Mapping[str, _Specific]] = {
    "01501": _Specific(_BAD_ANSWER, "L'INSEE donne plusieurs sièges à cette unité légale."),
    "03103": _Specific(_INVALID, "La DGFIP a refusé l'un des paramètres de la demande."),
    "03501": _Specific(
        "Potentielle ressource non trouvée",
        "La DGFIP a répondu par une erreur : il se peut qu'elle n'ait rien au sujet de cette entité.",
    ),
    "04501": _Specific(
        "Analyse manuelle de la situation du compte en cours",
        "L'Urssaf examine la situation du compte. Réessayez dans deux jours.",
        MappingProxyType({"retry_in": 172_800}),
    ),
    "04502": _Specific(
        "Demande de traitement logiciel en cours",
        "L'Urssaf traite une demande au sujet de ce compte. Réessayez plus tard.",
    ),
    "04503": _Specific(
        "La situation du compte ne permet pas de délivrer l'attestation demandée",
        "L'Urssaf ne délivre pas d'attestation à cette entité, au vu de la situation de son compte.",
    ),
    "05501": _Specific(_BAD_ANSWER, "Les identifiants de documents donnés par l'INPI ne sont pas utilisables."),
    "05502": _Specific(_BAD_ANSWER, "Les brevets donnés par l'INPI sont illisibles."),
    "05503": _Specific(_BAD_ANSWER, "Les modèles donnés par l'INPI sont illisibles."),
    "05504": _Specific(_BAD_ANSWER, "Les marques données par l'INPI sont illisibles."),
    "07501": _Specific(_BAD_ANSWER, "La réponse du répertoire national des associations est illisible."),
    "17501": _Specific(
        "Erreur de base de données de la Banque de France", "La base de données de la Banque de France est en panne."
    ),
    "17502": _Specific("Erreur interne de la Banque de France", "Le service de la Banque de France est en panne."),
    "38422": _Specific(
        "Attestation non disponible", "La caisse ne délivre pas d'attestation : des cotisations sont en retard."
    ),
}
"""What one provider alone says, in its own form, by code; an endpoint's `codes` say with which status."""

OUTAGE_RETRY_IN: Final = 10
"""Seconds after which a call that met a provider that is down, or network trouble, may be tried again."""
_OUTAGES: Final = frozenset({"001", "004"})
_NETWORK_TROUBLE: Final = "00501"
_DEADLINE_PASSED: Final = "002"


def is_outage(code: str) -> bool:
    """Whether a code says that the provider was not reached or is down: such errors say when to try again."""
    return code == _NETWORK_TROUBLE or code[2:] in _OUTAGES


def is_late(code: str) -> bool:
    """Whether a code says that the deadline passed, which is what 504 says, and nothing else does."""
    return code[2:] == _DEADLINE_PASSED


ROOM_RETRY_IN: Final = 2
"""Seconds after which a call that found no room (00908) may be tried again: slow readers have been let go by then."""


def gateway_error(code: str, *, source: Source | None = None, meta: Mapping[str, Any] = _EMPTY) -> ApiError:
    """One of the gateway's own errors; `source` replaces the usual one."""
    kind = GATEWAY_ERRORS[code]
    return ApiError(code=code, title=kind.title, detail=kind.detail, source=source or kind.source, meta=meta)


def refuse(code: str, *, source: Source | None = None, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Refusal:
    """The refusal that carries one of the gateway's own errors, with that error's status."""
    return Refusal(GATEWAY_ERRORS[code].status, gateway_error(code, source=source), headers=headers)


def refuse_for_now() -> Refusal:
    """The refusal of an answer for which there is no room, as others do not take theirs (00908)."""
    return refuse("00908", headers=((b"retry-after", b"%d" % ROOM_RETRY_IN),))


def network_error() -> Refusal:
    """Trouble on the way to a provider that no other code names (00501)."""
    kind = GATEWAY_ERRORS[_NETWORK_TROUBLE]
    return Refusal(kind.status, gateway_error(_NETWORK_TROUBLE, meta={"retry_in": OUTAGE_RETRY_IN}))


def provider_error(subcode: str, *, prefix: str, name: str, retry_in: int | None = None) -> Refusal:
    """An error that is a provider's: its code is the provider's prefix, then `subcode`.

    Args:
        subcode: the last three digits of the code.
        prefix: of the provider's codes.
        name: of the provider.
        retry_in: seconds after which to try again, where they are known; `OUTAGE_RETRY_IN` if it is down.
    """
    kind = PROVIDER_ERRORS[subcode]
    # PP051-PP056 speak of a file and carry an empty meta, as published.
    meta: Mapping[str, Any] = _EMPTY if subcode.startswith("05") else {"provider": name}
    if retry_in is None and subcode in _OUTAGES:
        retry_in = OUTAGE_RETRY_IN
    if retry_in is not None:
        meta = {**meta, "retry_in": retry_in}
    detail = kind.detail.format(provider=name)
    return Refusal(kind.status, ApiError(code=prefix + subcode, title=kind.title, detail=detail, meta=meta))


def specific_error(code: str, *, status: int, name: str) -> Refusal:
    """An error that only one provider has; `name` is that provider's."""
    kind = SPECIFIC_ERRORS[code]
    meta = {"provider": name, **kind.meta}
    return Refusal(status, ApiError(code=code, title=kind.title, detail=kind.detail, meta=meta))


def is_flagged(refusal: Refusal) -> bool:
    """Whether v2 says `gateway_error` with a refusal, on the endpoints that have that flag.

    As in the published v2: with whatever came of asking the provider, which judged the number as well; not with what
    was refused before, for its token, its traceability or its pace, nor where the law forbids the answer.
    """
    if refusal.status >= 500:
        return True
    return any(_comes_of_asking(refusal.status, error.code) for error in refusal.errors)


def _comes_of_asking(status: int, code: str) -> bool:
    return code.startswith("003") or (status == 404 and not code.startswith(GATEWAY_PREFIX))


def render(errors: tuple[ApiError, ...], *, version: int, gateway_error: bool = False) -> bytes:
    """The body of an error answer, in the shape of an API version.

    Args:
        errors: at least one.
        version: 2 for bare texts, anything else for objects.
        gateway_error: v2 only: say that the gateway or a provider is at fault.
    """
    if version != FLAT_VERSION:
        return orjson.dumps({"errors": [error.as_object() for error in errors]})
    body: dict[str, Any] = {"errors": [error.detail for error in errors]}
    if gateway_error:
        body["gateway_error"] = True
    return orjson.dumps(body)
