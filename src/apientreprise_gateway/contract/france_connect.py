"""FranceConnect, which says whom a call is about, in the words of the contract: its name, its errors."""

from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.errors import SpecificError

MALFORMED: Final = "50001"
"""The access token is none that FranceConnect could have given, or FranceConnect says so."""
NOT_IN_FORCE: Final = "50002"
"""The access token is unknown to FranceConnect, or has ended."""
INCOMPLETE: Final = "50003"
"""The access token is in force, but does not give the whole pivot identity."""
TOKEN_ERRORS: Final = (MALFORMED, NOT_IN_FORCE, INCOMPLETE)
"""The errors of access tokens, all with status 401."""
NOT_CONNECTED: Final = "00911"
"""The gateway is not connected to FranceConnect."""
FAILURES: Final = ("000", "001", "002", "004", "006", "008", "009", "999")
"""The last three digits of the errors with which FranceConnect itself may fail, as any provider."""
_TITLE: Final = "Accès non autorisé"

FRANCE_CONNECT: Final = Provider(
    key="france_connect",
    name="FranceConnect",
    prefix="51",  # that of its failures; the errors of access tokens begin with 50, as published
    endpoints=(),
    errors=MappingProxyType(
        {
            MALFORMED: SpecificError(_TITLE, "Le jeton d'accès FranceConnect est mal formé."),
            NOT_IN_FORCE: SpecificError(_TITLE, "Le jeton d'accès FranceConnect est inconnu ou a expiré."),
            INCOMPLETE: SpecificError(
                _TITLE, "Le jeton d'accès FranceConnect ne donne pas toute l'identité pivot de la personne."
            ),
        }
    ),
)
