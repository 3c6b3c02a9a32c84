"""Finds where the documents are in a provider's answer, and in which form: a file, base64 or an address."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from apientreprise_gateway.contract.documents import CONTENT, EACH, Document
from apientreprise_gateway.documents.encoded import looks_encoded
from apientreprise_gateway.documents.files import BAD_ADDRESS, UNREADABLE, Content, FileFault

Way = tuple[str | int, ...]
"""The path to a value in an answer: names, and positions in lists, from the outermost in."""
_ABSENT: Final = object()


class File(NamedTuple):
    """A document given as the file itself."""

    content: Content


class Encoded(NamedTuple):
    """A document given in base64, or as the token of a file that was extracted before."""

    text: str


class Address(NamedTuple):
    """A document given by the URL of its file."""

    text: str


Given = File | Encoded | Address | FileFault | None


class Place(NamedTuple):
    """The place of a document in an answer."""

    holder: dict[str, Any]
    """The object that has, or is to have, the document's address."""
    way: Way
    """The path to that object."""
    given: Given
    """What the provider gave; a fault if it is unusable, None if it is absent."""


def places_of(answer: Any, document: Document, tokens: frozenset[str]) -> list[Place]:
    """The places of documents in an answer in the form of our contract.

    Args:
        answer: the provider's answer; contents of documents are removed from it.
        document: says where to look.
        tokens: tokens of extracted strings that look like files.
    """
    return [
        Place(holder, way, _given(holder.get(document.address[-1]), holder.pop(CONTENT, None), tokens))
        for holder, way in holders(answer, document)
    ]


def own_place(answer: Any, document: Document) -> Place | None:
    """The place of the document in an answer in the provider's own form; None if the answer is not in that form."""
    if not document.own:
        return None
    for name in document.own:
        answer = answer.get(name, _ABSENT) if isinstance(answer, dict) else _ABSENT
    return alone(Encoded(answer), document) if isinstance(answer, str) else None


def alone(given: Given, document: Document) -> Place:
    """The place of a document in a new answer that holds nothing else."""
    holder = dict.fromkeys(name for name in (document.address[-1], document.expires_in) if name)
    return Place(holder, document.address[:-1], given)


def answer_around(place: Place) -> dict[str, Any]:
    """A new answer that holds only this place."""
    return {str(place.way[0]): place.holder, "links": {}, "meta": {}} if place.way else place.holder


def follow(answer: Any, way: Way) -> Any:
    """The value in an answer at a path."""
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
    """The objects of an answer that have, or may have, the address of a document, with the paths to them."""
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
