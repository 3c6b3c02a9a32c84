"""The reading of a call's parameters: what is given, and what has been found."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from apientreprise_gateway.contract.person.identity import Asked, Fault, Identity
from apientreprise_gateway.contract.person.texts import Kind, clean

Query = Mapping[str, Sequence[str]]
"""A decoded query: the values of each parameter, in their order."""


class Reading:
    """One reading: rules look at what is given, and note what they find right or wrong."""

    def __init__(self, query: Query, today: date) -> None:
        """Find nothing yet.

        Args:
            query: the decoded query.
            today: the day by which ages and years are judged.
        """
        self._query = query
        self.today = today
        self.faults: list[Fault] = []
        self._parts: dict[str, Any] = {}
        self._parameters: list[tuple[str, str]] = []

    def text(self, name: str) -> str | None:
        """The value of a parameter, cleaned; empty if it is absent or blank, None if no rule accepts it.

        The last one counts where it is given several times.
        """
        values = self._query.get(name)
        return clean(values[-1]) if values else ""

    def texts(self, name: str, most: int) -> list[str] | None:
        """The values of an array, cleaned, without blank ones; None for more than `most`, or if one is no text."""
        values = self._query.get(name, ())
        if len(values) > most:
            return None
        cleaned = [clean(value) for value in values]
        found = [each for each in cleaned if each]
        return None if None in cleaned else found

    def judged(self, name: str, kind: Kind) -> str | None:
        """As `text`, in canonical form; None as well for what a kind refuses."""
        text = self.text(name)
        return kind(text) if text else text

    def is_given(self, name: str) -> bool:
        """Whether a parameter is there, blank or not."""
        return name in self._query

    def note(self, name: str, value: str) -> None:
        """Note a right value of a parameter, in canonical form."""
        self._parameters.append((name, value))

    def mean(self, part: str, meaning: object) -> None:
        """Note what a part of the identity is; nothing for a parameter that is no part of one."""
        if part:
            self._parts[part] = meaning

    def refuse(self, code: str, name: str) -> None:
        """Note that a parameter is wrong, once for each code."""
        fault = Fault(code, name)
        if fault not in self.faults:
            self.faults.append(fault)

    def asked(self) -> Asked:
        """What is asked, if nothing is wrong."""
        return Asked(Identity(**self._parts), tuple(self._parameters))


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
