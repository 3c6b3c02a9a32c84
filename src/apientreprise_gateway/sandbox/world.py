"""What the sandbox asks of the fictive world of a product."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.sandbox.exchange import Reply
from apientreprise_gateway.sandbox.faults import Fault

LINKS: Final = "https://entreprise.exemple.test"
"""Base URL of the gateway in the links of answers, unless the sandbox is given another."""


class Form(StrEnum):
    """How a provider gives a document."""

    ADDRESS = "address"
    BASE64 = "base64"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be chosen about the answers of a world."""

    form: Form | None = None
    """The form in which providers give documents; each in its own if None."""
    links: str = LINKS
    """Base URL of the gateway, for the links in answers."""


class Call(NamedTuple):
    """A call to the sandbox."""

    path: str
    query: bytes
    host: str
    """Host and port at which the caller reaches the sandbox."""


class Outcome(NamedTuple):
    """What a call gets."""

    reply: Reply
    provider: Provider | None = None
    """Who replies; None for a page of the sandbox itself, which has neither latency nor faults."""
    fault: Fault | None = None
    """What answers in place of the reply."""
    wait: float = 0
    """Seconds before the reply of a page."""


class World(Protocol):
    """A product's fictive world: whom its providers know, and what they say."""

    def answer(self, route: Route, values: Iterable[str], call: Call) -> Outcome:
        """What the provider of an endpoint says; `values` are those of the path's parameters, in its order."""

    def beside(self, call: Call) -> Outcome | None:
        """What is at a path that is no endpoint's; None if nothing is."""

    def index(self) -> Mapping[str, Any]:
        """Its part of the sandbox's first page."""
