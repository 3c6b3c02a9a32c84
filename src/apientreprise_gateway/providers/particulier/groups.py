"""The one group of API Particulier: all of its endpoints count together, whichever their version."""

from typing import Final

from apientreprise_gateway.contract.groups import Group, Limit

PARTICULIER: Final = Group(
    "particulier",
    Limit("limit_particulier", 20, "Calls per second and token, all endpoints of API Particulier together."),
    shared=True,
    seconds=1,
)

GROUPS: Final = (PARTICULIER,)
