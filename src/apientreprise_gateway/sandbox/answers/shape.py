"""What the answers of all fictive providers have in common."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from apientreprise_gateway.sandbox.entities import Entity, Establishment

Body = dict[str, Any]
Answer = Callable[[Entity, Mapping[str, str], Mapping[str, str]], Any]
"""From an entity, the values of the path and those of the query, by name, to the body of the answer."""

LINKS: Final = "https://entreprise.exemple.test"
"""What callers reach the gateway at, unless the sandbox is told."""
DOCUMENTS: Final = "https://documents.exemple.test"
"""Where every document is said to lie: a host that cannot exist."""
DOCUMENT_SECONDS: Final = 86_400
"""How long the address of a document is said to work."""


class Declined(Exception):  # noqa: N818 - a provider that declines is an answer, not a failure of the sandbox
    """A provider has no data to give about an entity that others know."""

    def __init__(self, status: int, text: str, *, location: str = "", body: bytes | None = None) -> None:
        """Say what the provider answers instead.

        Args:
            status: of the answer.
            text: what it says, in the form that providers have for errors.
            location: of a redirection.
            body: what it says, if it has another form.
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
    """As `timestamp`, for a day that may be missing."""
    return None if day is None else timestamp(day)


def document_url(kind: str, entity: Entity) -> str:
    """Where a document would lie, on a host that does not exist."""
    return f"{DOCUMENTS}/{kind}/{entity.siren}.pdf"


def vat_number(siren: str) -> str:
    """The VAT number of a legal unit, with its check digits."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def address_lines(entity: Entity, establishment: Establishment) -> dict[str, str | None]:
    """The lines of an envelope, as the post numbers them."""
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
