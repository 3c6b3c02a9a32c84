"""Fictive headcounts, which vary from month to month."""

from typing import Final

from apientreprise_gateway.sandbox.entreprise.entities import Establishment

_SWING: Final = (-0.5, 0.0, 0.25, 1.0, 0.5)


def of_month(establishment: Establishment, *, year: int, month: int) -> float:
    """The mean headcount of an establishment in a month, always the same; 0 if it has no staff."""
    if establishment.staff == 0:
        return 0.0
    return establishment.staff + _SWING[(12 * year + month) % len(_SWING)]


def as_text(value: float) -> str:
    """A headcount as v2 writes it: two decimals, in a string."""
    return f"{value:.2f}"
