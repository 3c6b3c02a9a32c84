"""The words of the errors about identities: titles as published, details our own; none repeats what was sent."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.contract.codes import INVALID, ErrorKind


def _wrong(detail: str) -> ErrorKind:
    return ErrorKind(422, INVALID, detail)


PERSON_ERRORS: Final[Mapping[str, ErrorKind]] = {
    "00317": _wrong("Le nom de la commune de naissance n'est pas valide."),
    "00351": _wrong("Le code postal doit avoir cinq chiffres."),
    "00352": _wrong("Le numéro d'allocataire doit avoir de cinq à sept chiffres."),
    "00354": _wrong("Le mois doit être compris entre 1 et 12, et ne pas être à venir."),
    "00356": _wrong("L'année doit être l'année en cours ou l'une des deux précédentes."),
    "00360": _wrong(
        "Le numéro INE n'est pas valide : il a onze chiffres et lettres, sous l'une de ses formes connues."
    ),
    "00361": _wrong("Le nom n'est pas valide : des lettres latines, des apostrophes, des tirets et des espaces."),
    "00362": _wrong("Le prénom est absent ou n'est pas valide."),
    "00363": _wrong("La date de naissance est absente ou n'est pas valide."),
    "00364": _wrong("Le sexe doit être M ou F."),
    "00365": _wrong("Le lieu de naissance est absent, ou n'est pas le code officiel géographique d'une commune."),
    "00367": _wrong("Les prénoms sont absents ou ne sont pas valides."),
    "00368": _wrong("L'année de campagne doit avoir quatre chiffres, à partir de 2021."),
    "00380": _wrong("L'identifiant est absent ou n'est pas valide."),
    "00400": _wrong("Le code officiel géographique du pays de naissance est absent ou n'est pas valide."),
    "00410": _wrong("Le code de l'établissement (UAI) est absent, ou n'a pas sept chiffres et une lettre."),
    "00411": _wrong("L'année scolaire est absente, ou ne s'écrit pas comme 2025 ou 2025-2026."),
    "00412": _wrong("Le degré de l'établissement doit être 1D ou 2D."),
    "00413": _wrong("Donnez des départements ou des régions, et non les deux."),
    "00414": _wrong("Le périmètre de recherche ne contient aucune valeur."),
    "00415": _wrong("Donnez un établissement, des départements ou des régions."),
    "00416": _wrong("Un code de département n'est pas connu de la Base centrale des nomenclatures."),
    "00417": _wrong("Un code de région n'est pas connu de la Base centrale des nomenclatures."),
    "00419": _wrong("Donnez un établissement ou un périmètre, et non les deux."),
    "00420": _wrong("Le nom de naissance est absent ou n'est pas valide."),
    "00421": _wrong("Les prénoms sont absents ou ne sont pas valides."),
    "00422": _wrong("L'année de naissance est absente ou n'est pas valide."),
    "00423": _wrong("Le mois de naissance est absent, ou n'est pas compris entre 1 et 12."),
    "00424": _wrong("Le jour de naissance est absent, ou n'est pas compris entre 1 et 31."),
    "00425": _wrong("La date de naissance n'existe pas dans le calendrier."),
    "00427": _wrong("Le sexe à l'état civil doit être M ou F."),
    "00428": _wrong("Le code officiel géographique du département de naissance n'est pas valide."),
    "00430": _wrong("L'immatriculation est absente ou n'est pas valide."),
}
"""By code; the parameter that each is about is the call's."""
