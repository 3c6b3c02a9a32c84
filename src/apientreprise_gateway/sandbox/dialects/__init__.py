"""The languages of real providers that the sandbox speaks, each below a path of its own.

A gateway that is told of a dialect gets the fictive entities, and the faults, in that language from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.dialects import sirene_3_11 as sirene_3_11
from apientreprise_gateway.dialects import vies as vies_rest
from apientreprise_gateway.sandbox.dialects import sirene, vies
from apientreprise_gateway.sandbox.dialects.reply import DialectReply

PREFIX: Final = "/dialects/"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A language, with who speaks it."""

    provider: str
    """Key of the provider."""
    speak: Callable[[str, str], DialectReply]
    """From the path below that of the language, and the query, to the answer."""


DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        sirene_3_11.DIALECT: Dialect("insee", sirene.speak),
        vies_rest.DIALECT: Dialect("european_commission", vies.speak),
    }
)
"""By the name that settings give them."""


def find(path: str) -> tuple[Dialect, str] | None:
    """The language that a path is in, and what is left of the path."""
    if not path.startswith(PREFIX):
        return None
    name, _, rest = path.removeprefix(PREFIX).partition("/")
    dialect = DIALECTS.get(name)
    return None if dialect is None else (dialect, f"/{rest}")
