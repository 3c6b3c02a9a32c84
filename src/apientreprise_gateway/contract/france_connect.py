"""FranceConnect, which says whom a call is about, in the words of the contract: its name, its errors."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Provider

MALFORMED: Final = "50001"
"""The access token is none that FranceConnect could have given, or FranceConnect says so."""
NOT_IN_FORCE: Final = "50002"
"""The access token is unknown to FranceConnect, or has ended."""
INCOMPLETE: Final = "50003"
"""The access token is in force, but does not give the whole pivot identity."""
NOT_CONNECTED: Final = "00911"
"""The gateway is not connected to FranceConnect."""
FAILURES: Final = ("000", "001", "002", "004", "006", "008", "009", "999")
"""The last three digits of the errors with which FranceConnect itself may fail, as any provider."""

FRANCE_CONNECT: Final = Provider(
    key="france_connect",
    name="FranceConnect",
    prefix="51",  # that of its failures; the errors of access tokens begin with 50, as published
    endpoints=(),
)
