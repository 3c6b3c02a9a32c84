"""Documents in answers: the kinds of files, and the fields of an answer that hold them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FileKind(StrEnum):
    """The type of a document; the value is the extension of its file name."""

    PDF = "pdf"
    ZIP = "zip"


EACH: Final = "*"
"""In a path through an answer: each entry of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The fields of an answer that hold its document, or its documents, which the gateway stores.

    A provider sends the file alone, or the address of the file in the field that is published for it, or the file in
    base64 there or in `CONTENT` beside it.
    """

    address: tuple[str, ...]
    """The field that holds the address of the file: names from the outside in, `EACH` for the entries of a list."""
    expires_in: str = ""
    """The field beside it that holds the seconds for which that address works; empty where none does."""
    kinds: tuple[FileKind, ...] = (FileKind.PDF,)
    alone: bool = False
    """Whether the answer has nothing besides the document: then a provider may send the bare file instead."""
    own: tuple[str, ...] = ()
    """The field that holds the file in base64 where the provider's answer has another form than ours; needs `alone`."""
    optional: bool = False
    """Whether an answer may have no document."""
    faulty: tuple[str, ...] = ()
    """The field that counts the documents that could not be fetched; without it, one such fails the whole call."""
    seconds: int | None = None
    """Seconds for which it is kept at most, where that is less than usual."""


CONTENT: Final = "document"
"""The field that holds a file in base64, beside the one of its address; it is no part of our own answer."""
DOCUMENT_V4: Final = Document(address=("data", "document_url"), expires_in="document_url_expires_in")
DOCUMENT_V3: Final = Document(address=("data", "document_url"), expires_in="expires_in", alone=True)
DOCUMENT_V2: Final = Document(address=("url",), alone=True)
