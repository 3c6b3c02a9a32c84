"""ANTS: registrations of vehicles, for who owns them or rents them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import shown
from apientreprise_gateway.providers.particulier.parameters import FRANCE_CONNECT_VEHICLE

_SCOPE: Final = "ants_extrait_immatriculation_vehicule_"
_FIELDS: Final = (
    "adresse_particulier",
    "statut_rattachement",
    "donnees_immatriculation_vehicule",
    "caracteristiques_techniques_vehicule",
)
OTHER_OWNER: Final = "42005"
"""The vehicle is registered for somebody else than the person of the call."""

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        OTHER_OWNER: SpecificError(
            "Identité non trouvée", "Ce véhicule n'est pas immatriculé au nom de la personne de l'appel."
        ),
    }
)

PROVIDER: Final = Provider(
    key="ants",
    name="ANTS",
    prefix="42",
    endpoints=(
        Endpoint(
            operation="api_particulier_v3_ants_extrait_immatriculation_vehicule_with_france_connect",
            path="/v3/ants/extrait_immatriculation_vehicule/france_connect",
            summary="Immatriculation d'un véhicule, pour son titulaire ou son locataire",
            tag="Véhicules",
            scopes=(f"{_SCOPE}identite_particulier", *(_SCOPE + field for field in _FIELDS)),
            parameters=(),
            group=PARTICULIER,
            person=FRANCE_CONNECT_VEHICLE,
            # Whom the vehicle is registered for is shown to all: it is the person of the call.
            mask=shown({field: _SCOPE + field for field in _FIELDS}),
            codes=MappingProxyType({404: (OTHER_OWNER,)}),
        ),
    ),
    pings=(
        Ping(
            key="ants",
            name="ANTS - Immatriculation des véhicules",
            probe="api_particulier_v3_ants_extrait_immatriculation_vehicule_with_france_connect",
            cache_seconds=300,
            probed=False,
        ),
    ),
    errors=_ERRORS,
)
