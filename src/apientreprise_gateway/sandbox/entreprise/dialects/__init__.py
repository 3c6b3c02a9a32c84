"""The dialects of real providers that the sandbox speaks, each below a path of its own.

A gateway that is configured with a dialect gets the fictive entities and the faults in that dialect from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.dialects import sirene_3_11 as sirene_3_11
from apientreprise_gateway.dialects import vies as vies_rest
from apientreprise_gateway.sandbox.entreprise.dialects import sirene, vies
from apientreprise_gateway.sandbox.entreprise.dialects.reply import DialectReply

PREFIX: Final = "/dialects/"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect, with the provider that speaks it."""

    provider: str
    """Key of the provider."""
    speak: Callable[[str, str], DialectReply]
    """Makes the answer from the path below that of the dialect, and the query."""


DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        sirene_3_11.DIALECT: Dialect("insee", sirene.speak),
        vies_rest.DIALECT: Dialect("european_commission", vies.speak),
    }
)
"""The dialects, by their names in the settings."""


def find(path: str) -> tuple[Dialect, str] | None:
    """The dialect of a path, and the rest of the path; None if there is no such dialect."""
    if not path.startswith(PREFIX):
        return None
    name, _, rest = path.removeprefix(PREFIX).partition("/")
    dialect = DIALECTS.get(name)
    return None if dialect is None else (dialect, f"/{rest}")
