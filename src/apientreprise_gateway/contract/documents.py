"""Documents of an answer: what kinds of files there are, and where an answer speaks of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FileKind(StrEnum):
    """What a document is; the value is the ending of its name."""

    PDF = "pdf"
    ZIP = "zip"


EACH: Final = "*"
"""In a path through an answer: each entry of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Where an answer speaks of its document, or of its documents, which the gateway keeps.

    A provider sends the file alone, or the address of the file in the field that is published for it, or the file in
    base64 there or in `CONTENT` beside it.
    """

    address: tuple[str, ...]
    """The field that holds the address of the file: names from the outside in, `EACH` for the entries of a list."""
    expires_in: str = ""
    """The field beside it that holds the seconds for which that address works; empty where none does."""
    kinds: tuple[FileKind, ...] = (FileKind.PDF,)
    alone: bool = False
    """Whether the answer says nothing else: then the file alone is an answer too."""
    own: tuple[str, ...] = ()
    """Where the provider's own form, which is not ours, holds the file in base64; only if `alone`."""
    optional: bool = False
    """Whether an answer may have no document."""
    faulty: tuple[str, ...] = ()
    """The field that counts the documents that could not be had; without it, one such fails the whole call."""
    seconds: int | None = None
    """How long it is kept at most, where that is less than usual."""


CONTENT: Final = "document"
"""The field that holds a file in base64, beside the one of its address; it is no part of our own answer."""
DOCUMENT_V4: Final = Document(address=("data", "document_url"), expires_in="document_url_expires_in")
DOCUMENT_V3: Final = Document(address=("data", "document_url"), expires_in="expires_in", alone=True)
DOCUMENT_V2: Final = Document(address=("url",), alone=True)
