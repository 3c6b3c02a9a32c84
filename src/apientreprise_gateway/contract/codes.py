"""The codes of errors that any product may answer with, each with its status and its words.

Statuses and titles are those that API Entreprise publishes, and so are short details, which integrators compare; longer
ones, and those of providers, are our own words. 009xx is ours alone, and new codes of ours go there; 00204, 00405 to
00409, 00505 and 00506 are ours as well, older, and free in the published list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Source = Mapping[str, str]
"""What an error is about: a parameter or a header, by its name."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """The status and the words of a code, the same in all answers."""

    status: int
    title: str
    detail: str
    source: Source | None = None


def _parameter(name: str) -> Source:
    return {"parameter": name}


INVALID: Final = "Entité non traitable"
"""Title of the errors about a parameter."""

GATEWAY_ERRORS: Final[Mapping[str, ErrorKind]] = {
    "00015": ErrorKind(
        409,
        "Conflit",
        "Le même appel est déjà en cours de traitement. Attendez sa réponse avant de le refaire.",
    ),
    "00100": ErrorKind(
        403,
        "Privilèges insuffisants",
        "Votre token est valide mais vos privilèges sont insuffisants. Listez vos privilèges sur /v2/privileges",
        _parameter("token"),
    ),
    "00101": ErrorKind(401, "Interdit", "Votre token n'est pas valide ou n'est pas renseigné", _parameter("token")),
    "00103": ErrorKind(
        401,
        "Jeton expiré",
        "Votre jeton a expiré. Demandez sa prolongation ou un nouveau jeton.",
        _parameter("token"),
    ),
    "00105": ErrorKind(401, "Jeton sur liste noire", "Votre jeton a été révoqué.", _parameter("token")),
    "00107": ErrorKind(
        403,
        "Adresse IP non autorisée",
        "Votre adresse IP n'est pas autorisée à utiliser ce jeton.",
        {"header": "X-Forwarded-For"},
    ),
    "00201": ErrorKind(422, INVALID, "Le paramètre context est obligatoire", _parameter("context")),
    "00202": ErrorKind(422, INVALID, "Le paramètre object est obligatoire", _parameter("object")),
    "00203": ErrorKind(
        422,
        INVALID,
        "Le paramètre recipient est obligatoire",
        _parameter("recipient"),
    ),
    "00204": ErrorKind(
        422,
        INVALID,
        "Le paramètre user_id est obligatoire",
        _parameter("user_id"),
    ),
    "00210": ErrorKind(
        422,
        INVALID,
        "Le paramètre recipient n'est pas un siret valide",
        _parameter("recipient"),
    ),
    "00301": ErrorKind(422, INVALID, "Le numéro de siren n'est pas correctement formatté", _parameter("siren")),
    "00302": ErrorKind(422, INVALID, "Le numéro de siret n'est pas correctement formatté", _parameter("siret")),
    "00303": ErrorKind(
        422,
        INVALID,
        "Le numéro de siret ou le numéro d'association indiqué n'est pas correctement formatté",
        _parameter("id"),
    ),
    "00304": ErrorKind(
        422, INVALID, "Le numéro de siret ou le numéro EORI n'est pas correctement formatté", _parameter("id")
    ),
    "00305": ErrorKind(422, INVALID, "Le format du mois n'est pas valide", _parameter("month")),
    "00307": ErrorKind(422, INVALID, "L'année n'est pas correctement formatée", _parameter("year")),
    "00310": ErrorKind(
        422, INVALID, "Le type d'attestation indiqué n'est pas correctement formatté (uniquement: AVG_UR)"
    ),
    "00311": ErrorKind(422, INVALID, "Le siren_is n'est pas correctement formatté", _parameter("siren_is")),
    "00312": ErrorKind(422, INVALID, "Le siren_tva n'est pas correctement formatté", _parameter("siren_tva")),
    "00313": ErrorKind(422, INVALID, "Le paramètre limit n'est pas correctement formatté", _parameter("limit")),
    "00315": ErrorKind(
        422,
        INVALID,
        "L'année n'est pas valide : elle doit être comprise entre 2006 et l'année précédente",
    ),
    "00330": ErrorKind(
        422,
        INVALID,
        "Le numéro de siren ou le numéro de siret ou le numéro d'association indiqué n'est pas correctement formatté",
        _parameter("id"),
    ),
    "00333": ErrorKind(
        422,
        INVALID,
        "Le numéro de siren ou le numéro d'association indiqué n'est pas correctement formatté",
        _parameter("id"),
    ),
    "00390": ErrorKind(422, INVALID, "La profondeur doit être un entier de 0 à 13.", _parameter("profondeur")),
    "00401": ErrorKind(400, INVALID, "Votre requête est invalide"),
    "00402": ErrorKind(
        404, "Version d'API non prise en charge", "Cette ressource n'existe pas dans la version demandée."
    ),
    "00403": ErrorKind(410, "Lien expiré", "Le lien de téléchargement est expiré."),
    "00404": ErrorKind(404, "Ressource inconnue", "Aucune ressource ne correspond à ce chemin."),
    "00405": ErrorKind(405, "Méthode non autorisée", "Seules les méthodes GET et HEAD sont acceptées."),
    "00406": ErrorKind(414, "Adresse trop longue", "L'adresse de la requête, paramètres compris, est trop longue."),
    "00408": ErrorKind(404, "Document inconnu", "Ce lien ne mène à aucun document."),
    "00409": ErrorKind(416, "Plage non disponible", "Le document n'a pas la plage d'octets demandée."),
    "00429": ErrorKind(
        429,
        "Trop de requêtes",
        "Vous avez effectué trop de requêtes",
    ),
    "00407": ErrorKind(431, "En-têtes trop longs", "Les en-têtes de la requête sont trop longs, ou trop nombreux."),
    "00500": ErrorKind(500, "Erreur interne", "Une erreur interne est survenue. Elle a été enregistrée."),
    "00502": ErrorKind(
        502,
        "Erreur réseau du service d'hébergement de données",
        "Le document n'a pas pu être conservé ou relu par la passerelle. Réessayez.",
    ),
    "00505": ErrorKind(
        503, "Service indisponible", "La passerelle ne peut pas compter vos appels en ce moment. Réessayez plus tard."
    ),
    "00506": ErrorKind(
        503,
        "Service indisponible",
        "La passerelle ne connaît pas encore les clés qui vérifient votre jeton. Réessayez dans une minute.",
    ),
    "00501": ErrorKind(
        502,
        "Erreur réseau",
        "Le réseau entre la passerelle et le fournisseur de données a failli. Réessayez.",
    ),
    # 009xx: ours alone. The published service may give any other number a meaning of its own.
    "00901": ErrorKind(
        403,
        "Adresse IP bannie",
        "L'adresse IP de cet appel est bannie pour 12 heures : elle a fait trop d'appels, ou ignoré trop de refus.",
    ),
    "00902": ErrorKind(
        422,
        INVALID,
        "Le paramètre ressources doit nommer de 1 à 20 ressources, séparées par des virgules.",
        _parameter("ressources"),
    ),
    "00903": ErrorKind(
        422,
        INVALID,
        "Le paramètre ressources nomme des ressources qui n'existent pas dans un dossier.",
        _parameter("ressources"),
    ),
    "00904": ErrorKind(
        503,
        "Service indisponible",
        "La passerelle ne sait pas encore quels jetons sont révoqués. Réessayez dans quelques secondes.",
    ),
    "00905": ErrorKind(
        503,
        "Service indisponible",
        "Trop de téléchargements sont en cours. Réessayez après la durée de l'en-tête Retry-After.",
    ),
    "00906": ErrorKind(
        503,
        "Service indisponible",
        "La passerelle ne peut pas enregistrer la trace de vos appels en ce moment. Réessayez plus tard.",
    ),
    "00907": ErrorKind(
        429,
        "Trop de requêtes",
        "Votre adresse a demandé trop de pages de documentation et de supervision en une minute. Attendez la durée de "
        "l'en-tête Retry-After.",
    ),
    "00908": ErrorKind(
        503,
        "Service indisponible",
        "La passerelle attend que trop de réponses soient lues. Réessayez après la durée de l'en-tête Retry-After.",
    ),
    "00909": ErrorKind(
        400,
        "Paramètres illisibles",
        "Les paramètres de la requête ont des octets qui n'y sont pas permis, comme une lettre accentuée ou une "
        "espace. Encodez-les en pourcent, en UTF-8 : é s'écrit %C3%A9.",
    ),
    "00910": ErrorKind(410, "Ressource retirée", "Cette ressource n'existe plus."),
    "00911": ErrorKind(503, "Service indisponible", "Cette passerelle n'est pas reliée à FranceConnect."),
    "00912": ErrorKind(
        503,
        "Service indisponible",
        "La passerelle reçoit plus d'appels qu'elle ne peut en traiter. Réessayez après la durée de l'en-tête "
        "Retry-After.",
    ),
}
"""The gateway's own errors by code."""

_NOT_LET_IN: Final = "Accès non autorisé"

ACCESS_TOKEN_ERRORS: Final[Mapping[str, ErrorKind]] = {
    "50001": ErrorKind(401, _NOT_LET_IN, "Le jeton d'accès FranceConnect est mal formé."),
    "50002": ErrorKind(401, _NOT_LET_IN, "Le jeton d'accès FranceConnect est inconnu ou a expiré."),
    "50003": ErrorKind(
        401, _NOT_LET_IN, "Le jeton d'accès FranceConnect ne donne pas toute l'identité pivot de la personne."
    ),
}
"""The errors of access tokens of FranceConnect, by code."""

_BAD_FILE: Final = "Fichier renvoyé par le fournisseur de données non valide"

PROVIDER_ERRORS: Final[Mapping[str, ErrorKind]] = {
    "000": ErrorKind(502, "Erreur interne du fournisseur de données", "{provider} signale une erreur interne."),
    "001": ErrorKind(502, "Service non disponible", "Le service du fournisseur {provider} est indisponible."),
    "002": ErrorKind(504, "Intermédiaire hors-délai", "{provider} n'a pas répondu dans le délai imparti."),
    "003": ErrorKind(
        404, "Entité non trouvée", "{provider} ne connaît pas l'entité demandée, ou n'a rien à son sujet."
    ),
    "004": ErrorKind(
        502, "Erreur de résolution DNS", "Le nom du service du fournisseur {provider} n'a pas pu être résolu."
    ),
    "005": ErrorKind(
        451,
        "Indisponible pour des raisons légales",
        "{provider} n'est pas autorisé à diffuser les données de cette entité.",
    ),
    "006": ErrorKind(
        502,
        "Erreur d'authentification auprès du fournisseur de données",
        "{provider} a refusé l'authentification de la passerelle.",
    ),
    "008": ErrorKind(
        502,
        "Erreur auprès du fournisseur de données : trop de requêtes",
        "{provider} refuse momentanément les appels de la passerelle.",
    ),
    "009": ErrorKind(
        502,
        "Erreur de certificat SSL du fournisseur de données",
        "Le certificat du fournisseur {provider} n'est pas valide.",
    ),
    "020": ErrorKind(
        503, "Maintenance du fournisseur de données", "Le service du fournisseur {provider} est en maintenance."
    ),
    "051": ErrorKind(502, _BAD_FILE, "Le fichier renvoyé par {provider} est illisible."),
    "052": ErrorKind(502, _BAD_FILE, "Le téléchargement du fichier du fournisseur {provider} a pris trop de temps."),
    "053": ErrorKind(502, _BAD_FILE, "Le fichier du fournisseur {provider} n'a pas pu être téléchargé."),
    "054": ErrorKind(502, _BAD_FILE, "L'adresse du fichier donnée par {provider} n'est pas valide."),
    "055": ErrorKind(502, _BAD_FILE, "Le fichier renvoyé par {provider} n'est pas du type attendu."),
    "056": ErrorKind(502, _BAD_FILE, "Le fichier renvoyé par {provider} est vide."),
    "999": ErrorKind(
        502,
        "Erreur inconnue du fournisseur de données",
        "La réponse du fournisseur {provider} n'est pas celle attendue.",
    ),
}
"""The errors that any provider may have, by the last three digits of the code."""
