"""Where an answer speaks of its documents, and what it says there."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from apientreprise_gateway.contract.documents import CONTENT, EACH, Document
from apientreprise_gateway.documents.encoded import looks_encoded
from apientreprise_gateway.documents.files import BAD_ADDRESS, UNREADABLE, Content, FileFault

Way = tuple[str | int, ...]
"""Names, and positions in lists, from the outside of an answer in."""
_ABSENT: Final = object()


class File(NamedTuple):
    """The file itself."""

    content: Content


class Encoded(NamedTuple):
    """The file in base64, or the token of a file that has been taken out."""

    text: str


class Address(NamedTuple):
    """Where the file is."""

    text: str


Given = File | Encoded | Address | FileFault | None


class Place(NamedTuple):
    """The place of a document in an answer."""

    holder: dict[str, Any]
    """The object that has, or is to have, the document's address."""
    way: Way
    """How to get to it."""
    given: Given
    """What the provider wrote there; a fault where it is unusable, None where it is absent."""


def places_of(answer: Any, document: Document, tokens: frozenset[str]) -> list[Place]:
    """The places of documents in an answer of ours.

    Args:
        answer: what the provider answered; what we do not pass on is taken out of it.
        document: where to look.
        tokens: those of what was taken out before, where it looks like a file.
    """
    return [
        Place(holder, way, _given(holder.get(document.address[-1]), holder.pop(CONTENT, None), tokens))
        for holder, way in holders(answer, document)
    ]


def own_place(answer: Any, document: Document) -> Place | None:
    """The place of the document in an answer that is in the provider's own form; None if it is not."""
    if not document.own:
        return None
    for name in document.own:
        answer = answer.get(name, _ABSENT) if isinstance(answer, dict) else _ABSENT
    return alone(Encoded(answer), document) if isinstance(answer, str) else None


def alone(given: Given, document: Document) -> Place:
    """The place of a document in an answer that says nothing else."""
    holder = dict.fromkeys(name for name in (document.address[-1], document.expires_in) if name)
    return Place(holder, document.address[:-1], given)


def answer_around(place: Place) -> dict[str, Any]:
    """The answer that says nothing but a document."""
    return {str(place.way[0]): place.holder, "links": {}, "meta": {}} if place.way else place.holder


def follow(answer: Any, way: Way) -> Any:
    """The value in an answer that a way leads to."""
    for step in way:
        answer = answer[step]
    return answer


def _given(address: Any, content: Any, tokens: frozenset[str]) -> Given:
    if content is not None:
        return Encoded(content) if isinstance(content, str) else FileFault(UNREADABLE)
    if address is None:
        return None
    if not isinstance(address, str):
        return FileFault(BAD_ADDRESS)
    return (
        Encoded(address) if address in tokens or looks_encoded(address.encode(errors="replace")) else Address(address)
    )


def holders(answer: Any, document: Document) -> Iterator[tuple[dict[str, Any], Way]]:
    """The objects of an answer that have, or may have, the address of a document, with the ways to them."""
    return _holders(answer, document.address[:-1], ())


def _holders(value: Any, path: tuple[str, ...], way: Way) -> Iterator[tuple[dict[str, Any], Way]]:
    if not path:
        if isinstance(value, dict):
            yield value, way
        return
    step, rest = path[0], path[1:]
    if step == EACH:
        for position, entry in enumerate(value if isinstance(value, list) else ()):
            yield from _holders(entry, rest, (*way, position))
    elif isinstance(value, dict) and step in value:
        yield from _holders(value[step], rest, (*way, step))
