"""Who a call is about, in the one form that all spellings of an identity share.

Representations show nothing of a person: one must not be in a log by accident. They are tuples, which are made fast.
"""

from typing import Final, NamedTuple


class Identity(NamedTuple):
    """What is said of a person. What was not given is empty; a part of the date of birth, None."""

    birth_name: str = ""
    used_name: str = ""
    first_names: tuple[str, ...] = ()
    """In the order in which they were given."""
    birth_year: int | None = None
    birth_month: int | None = None
    birth_day: int | None = None
    sex: str = ""
    """`M` or `F`."""
    birth_country: str = ""
    """Its code in the COG."""
    birth_commune: str = ""
    """Its code in the COG."""
    birth_commune_name: str = ""
    birth_department: str = ""
    """Its code in the COG."""
    ine: str = ""
    """The national number of a student, in capitals."""
    allowance_number: str = ""
    """The number of the family with its family allowance fund."""
    postcode: str = ""
    identifier: str = ""
    """What the provider itself calls the person."""
    plate: str = ""
    """The registration number of a vehicle."""

    def __repr__(self) -> str:
        return "Identity(…)"


PLACES: Final = {name: place for place, name in enumerate(Identity._fields)}
"""Where each part of an identity stands in it."""


class Fault(NamedTuple):
    """What is wrong with a parameter: never what was sent."""

    code: str
    """Of the error: five digits."""
    parameter: str
    """The name of the parameter, as published."""


class Asked(NamedTuple):
    """What a call asks, once all of its parameters have been found right."""

    identity: Identity
    parameters: tuple[tuple[str, str], ...]
    """Every parameter under its published name, in canonical form and in one order, however the call has them: an array
    is there once for each value. Two calls that ask the same have the same."""

    def __repr__(self) -> str:
        return "Asked(…)"
