"""Who a call is about, in the one form that all spellings of an identity share."""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is said of a person. What was not given is empty; a part of the date of birth, None.

    Representations of it show nothing: it must not be in a log by accident.
    """

    birth_name: str = field(default="", repr=False)
    used_name: str = field(default="", repr=False)
    first_names: tuple[str, ...] = field(default=(), repr=False)
    """In the order in which they were given."""
    birth_year: int | None = field(default=None, repr=False)
    birth_month: int | None = field(default=None, repr=False)
    birth_day: int | None = field(default=None, repr=False)
    sex: str = field(default="", repr=False)
    """`M` or `F`."""
    birth_country: str = field(default="", repr=False)
    """Its code in the COG."""
    birth_commune: str = field(default="", repr=False)
    """Its code in the COG."""
    birth_commune_name: str = field(default="", repr=False)
    birth_department: str = field(default="", repr=False)
    """Its code in the COG."""
    ine: str = field(default="", repr=False)
    """The national number of a student, in capitals."""
    allowance_number: str = field(default="", repr=False)
    """The number of the family with its family allowance fund."""
    postcode: str = field(default="", repr=False)
    identifier: str = field(default="", repr=False)
    """What the provider itself calls the person."""
    plate: str = field(default="", repr=False)
    """The registration number of a vehicle."""


class Fault(NamedTuple):
    """What is wrong with a parameter: never what was sent."""

    code: str
    """Of the error: five digits."""
    parameter: str
    """The name of the parameter, as published."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks, once all of its parameters have been found right."""

    identity: Identity
    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    """Every parameter under its published name, in canonical form and in one order, however the call has them: an array
    is there once for each value. Two calls that ask the same have the same."""
