"""What the fictive providers say of a person: one file for each kind of data, listed here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.sandbox.particulier.answers import benefits, households, others, studies
from apientreprise_gateway.sandbox.particulier.answers.shape import Answer

ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType(
    {**households.ANSWERS, **benefits.ANSWERS, **studies.ANSWERS, **others.ANSWERS}
)
"""By the name of an operation, without that of the product and without the way in which the person is found."""
