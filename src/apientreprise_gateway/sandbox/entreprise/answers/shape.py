"""Types and functions that the answers of all fictive providers share."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from apientreprise_gateway.sandbox.entreprise.entities import Entity, Establishment

Body = dict[str, Any]
Answer = Callable[[Entity, Mapping[str, str], Mapping[str, str]], Any]
"""Makes the body of an answer from an entity, the path parameters and the query parameters, both by name."""

DOCUMENTS: Final = "https://documents.exemple.test"
"""Base URL of documents in answers, on a host that cannot exist."""
DOCUMENT_SECONDS: Final = 86_400
"""Seconds for which the URL of a document is said to be valid."""


class Declined(Exception):  # noqa: N818 - a provider that declines is an answer, not a failure of the sandbox
    """A provider gives no data about an entity that others know."""

    def __init__(self, status: int, text: str, *, location: str = "", body: bytes | None = None) -> None:
        """Describe the answer that the provider gives instead.

        Args:
            status: status of the answer.
            text: the message, in the form that providers use for errors.
            location: target of a redirection; empty for none.
            body: the whole body, if it has another form.
        """
        super().__init__(status, text)
        self.status = status
        self.text = text
        self.location = location
        self.body = body


def envelope(data: Body, *, links: Body | None = None, meta: Body | None = None) -> Body:
    """A body of v3 or later."""
    return {"data": data, "links": links or {}, "meta": meta or {}}


def timestamp(day: str) -> int:
    """Unix seconds at which an ISO day begins."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def optional_timestamp(day: str | None) -> int | None:
    """As `timestamp`; None for None."""
    return None if day is None else timestamp(day)


def document_url(kind: str, entity: Entity) -> str:
    """The URL of a document, on a host that does not exist."""
    return f"{DOCUMENTS}/{kind}/{entity.siren}.pdf"


def vat_number(siren: str) -> str:
    """The VAT number of a legal unit, with its check digits."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def address_lines(entity: Entity, establishment: Establishment) -> dict[str, str | None]:
    """The numbered lines of the postal address (L1 to L7)."""
    address = establishment.address
    return {
        "l1": entity.display_name,
        "l2": establishment.brand,
        "l3": address.extra,
        "l4": f"{address.number} {address.street_type} {address.street}",
        "l5": address.distribution,
        "l6": f"{address.postcode} {address.city}",
        "l7": "FRANCE",
    }
