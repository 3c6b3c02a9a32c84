"""Functions that several answers of the fictive INSEE share."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from apientreprise_gateway.contract.error_forms import object_bodies
from apientreprise_gateway.providers.entreprise import insee
from apientreprise_gateway.sandbox.entreprise.answers.shape import Declined
from apientreprise_gateway.sandbox.entreprise.entities import Address

_PARIS: Final = ZoneInfo("Europe/Paris")
INDICES: Final = {"B": "BIS", "T": "TER"}
"""Suffixes of house numbers, by INSEE's letter."""


def midnight(day: str) -> int:
    """Unix seconds at which an ISO day begins in Paris, as INSEE's days are counted."""
    return int(datetime.fromisoformat(day).replace(tzinfo=_PARIS).timestamp())


def optional_midnight(day: str | None) -> int | None:
    """As `midnight`; None for None."""
    return None if day is None else midnight(day)


def several_seats() -> Declined:
    """The answer about the head office of an entity that has several, in the form of v3."""
    refusal = insee.PROVIDER.own_error("01501", status=502)
    return Declined(refusal.status, "", body=object_bodies(refusal.errors))


def street_line(address: Address, repetition: str | None, street_type: str) -> str:
    """The line of a postal address with number and street."""
    return " ".join(filter(None, (address.number, repetition, street_type, address.street)))


def town_line(address: Address) -> str:
    """The line of a postal address with the town: with its cedex if it has one, the name alone abroad."""
    if address.cedex is not None:
        return f"{address.cedex.code} {address.cedex.label}"
    return " ".join(filter(None, (address.postcode, address.city)))
