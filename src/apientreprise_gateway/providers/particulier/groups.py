"""The limits of API Particulier: one group, as all of its endpoints count together, whichever their version."""

from typing import Final

from apientreprise_gateway.contract.groups import Group, Limit

PARTICULIER: Final = Group(
    "particulier",
    Limit("limit_particulier", 20, "Calls per second and token, all endpoints of API Particulier together."),
    shared=True,
    seconds=1,
)

GROUPS: Final = (PARTICULIER,)

CEILING: Final = Limit(
    "limit_ip_particulier",
    0,
    "Calls per minute from one address to API Particulier with valid tokens; one more bans it. 0 for any number.",
)
