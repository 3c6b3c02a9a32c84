"""Templates of the texts that an operator publishes, by the state of an incident; brackets are to be filled in."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.status.incidents import Progress

TEMPLATES: Final[Mapping[Progress, str]] = MappingProxyType(
    {
        Progress.INVESTIGATING: "Depuis [heure], [ce que constatent les utilisateurs]. Nous en cherchons la cause. "
        "Prochain point à [heure].",
        Progress.IDENTIFIED: "La cause est connue : [cause]. [Ce qui est fait pour y remédier.] En attendant, [ce que "
        "les utilisateurs peuvent faire]. Prochain point à [heure].",
        Progress.MONITORING: "Le service fonctionne de nouveau depuis [heure]. Nous le surveillons jusqu’à [heure].",
        Progress.RESOLVED: "L’incident est terminé : il a duré de [heure] à [heure]. [Ce qui a été fait.]",
        Progress.POSTMORTEM: "Ce qui s’est passé : [faits et heures].\n\nCe qui l’a causé : [cause].\n\nCe que nous "
        "changeons : [mesures, et leur date].",
        Progress.SCHEDULED: "[Ce qui est fait, et pourquoi.] Pendant ce temps, [ce que constatent les utilisateurs].",
        Progress.COMPLETED: "La maintenance est terminée.",
    }
)
