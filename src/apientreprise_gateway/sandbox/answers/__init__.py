"""The answers of the fictive providers: one file each, listed here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.sandbox.answers import agefiph, dgfip, gip_mds, infogreffe, inpi, insee, mi, urssaf
from apientreprise_gateway.sandbox.answers.shape import Answer

ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType(
    {
        **insee.ANSWERS,
        **infogreffe.ANSWERS,
        **dgfip.ANSWERS,
        **urssaf.ANSWERS,
        **agefiph.ANSWERS,
        **mi.ANSWERS,
        **gip_mds.ANSWERS,
        **inpi.ANSWERS,
    }
)
"""What answers for each operation of the catalogue."""
