"""The identifiers that trigger faults, on every endpoint.

They are easy to remember: the SIREN is 99900, three digits (the HTTP status if there is one) and the check digit; the
SIRET is that of its first establishment; the RNA is W999000 with the same three digits.
"""

from dataclasses import dataclass
from typing import Final

from apientreprise_gateway.sandbox.faults import FAULTS, Fault


@dataclass(frozen=True, slots=True)
class Special:
    """A fault, with the identifiers that trigger it."""

    fault: str
    siren: str
    siret: str
    rna: str
    description: str
    """One line of French for users of the sandbox."""

    @property
    def run(self) -> Fault:
        return FAULTS[self.fault]


SPECIALS: Final = (
    Special("slow", "999000011", "99900001100018", "W999000001", "répond au bout de 3 secondes"),
    Special("drip", "999000029", "99900002900010", "W999000002", "répond un octet toutes les 0,5 seconde"),
    Special("reset", "999000037", "99900003700013", "W999000003", "ferme la connexion sans un octet"),
    Special("cut", "999000045", "99900004500016", "W999000004", "ferme la connexion au milieu du corps"),
    Special("garbage", "999000052", "99900005200012", "W999000005", "200 avec une page HTML"),
    Special("truncated-json", "999000060", "99900006000015", "W999000006", "200 avec un JSON tronqué"),
    Special("empty", "999000078", "99900007800017", "W999000007", "200 sans corps"),
    Special("maintenance", "999000201", "99900020100015", "W999000020", "503 : maintenance de 600 s"),
    Special("redirect", "999003023", "99900302300010", "W999000302", "302 vers un autre hôte"),
    Special("refused-401", "999004013", "99900401300010", "W999000401", "401 : passerelle refusée"),
    Special("forbidden-403", "999004039", "99900403900015", "W999000403", "403 : accès interdit"),
    Special("busy-429", "999004294", "99900429400016", "W999000429", "429 : quota atteint"),
    Special("error-500", "999005002", "99900500200012", "W999000500", "500 : erreur interne"),
    Special("unavailable-503", "999005036", "99900503600010", "W999000503", "503 : indisponible"),
    Special("timeout", "999005044", "99900504400014", "W999000504", "ne répond pas (60 secondes)"),
)
"""All faults, with their identifiers."""
