"""One case: an operation, the parameters of a call, and its answer."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Values = Mapping[str, Sequence[str]]
"""The values of each parameter of a call, in their order."""


class WrongCaseError(Exception):
    """A file of cases that cannot be used."""

    def __init__(self, why: str, line: int = 1) -> None:
        super().__init__(why)
        self.line = line
        """Where, from 1."""


class Case(NamedTuple):
    """What is answered to a call with some parameters, whatever others it has."""

    operation: str
    parameters: Mapping[str, tuple[str, ...]]
    """In the spelling of `spelt`."""
    status: int
    body: bytes | None
    """JSON; None for the answer that a provider gives with such a status."""

    def fits(self, values: Values) -> bool:
        """Whether a call has all of its parameters."""
        return all(
            name in values and tuple(map(spelt, values[name])) == wanted for name, wanted in self.parameters.items()
        )


def spelt(value: str) -> str:
    """A value in the one spelling in which values are compared: case, blanks and leading zeros of numbers up to two
    digits make no difference."""
    text = unicodedata.normalize("NFC", " ".join(value.split())).casefold()
    return str(int(text)) if len(text) <= 2 and text.isascii() and text.isdigit() else text
