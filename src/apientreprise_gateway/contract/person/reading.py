"""The reading of a call's parameters: what is given, and what has been found."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, Protocol

from apientreprise_gateway.contract.person.identity import PLACES, Asked, Fault, Identity
from apientreprise_gateway.contract.person.texts import Kind, clean

Query = Mapping[str, Sequence[str]]
"""A decoded query: the values of each parameter, in their order."""

_NOBODY: Final[list[Any]] = list(Identity())


class Reading:
    """One reading: rules look at what is given, and note what they find right or wrong."""

    __slots__ = ("faults", "parameters", "parts", "query", "today")

    def __init__(self, query: Query, today: date) -> None:
        """Find nothing yet.

        Args:
            query: the decoded query.
            today: the day by which ages and years are judged.
        """
        self.query = query
        self.today = today
        self.faults: list[Fault] = []
        self.parameters: list[tuple[str, str]] = []
        """The right ones, in canonical form."""
        self.parts = _NOBODY.copy()
        """What is known of the identity, in the places of `PLACES`: an `Identity` is made fastest so."""

    def text(self, name: str) -> str | None:
        """The value of a parameter, cleaned; empty if it is absent or blank, None if no rule accepts it.

        The last one counts where it is given several times.
        """
        values = self.query.get(name)
        return clean(values[-1]) if values else ""

    def texts(self, name: str, most: int) -> list[str] | None:
        """The values of an array, cleaned, without blank ones; None for more than `most`, or if one is no text."""
        values = self.query.get(name, ())
        if len(values) > most:
            return None
        cleaned = [clean(value) for value in values]
        return None if None in cleaned else [each for each in cleaned if each]

    def judged(self, name: str, kind: Kind, part: str = "") -> str | None:
        """As `text`, in canonical form, and noted if it is right; None as well for what a kind refuses.

        Args:
            name: of the parameter.
            kind: what judges it.
            part: what it is of the identity, if it is a part of it.
        """
        values = self.query.get(name)
        if not values:
            return ""
        value = values[-1]
        if not kind.is_plain(value):
            cleaned = clean(value)
            judged = kind(cleaned) if cleaned else cleaned
            if not judged:
                return judged
            value = judged
        self.parameters.append((name, value))
        if part:
            self.parts[PLACES[part]] = value
        return value

    def refuse(self, code: str, name: str) -> None:
        """Note that a parameter is wrong, once for each code."""
        fault = Fault(code, name)
        if fault not in self.faults:
            self.faults.append(fault)

    def asked(self) -> Asked:
        """What is asked, if nothing is wrong."""
        return Asked(Identity._make(self.parts), tuple(self.parameters))


class Rule(Protocol):
    """Judges one parameter, or several that belong together."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that it looks at."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The errors that it may refuse with."""

    def read(self, reading: Reading) -> None:
        """Note what is found."""
