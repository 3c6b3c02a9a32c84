"""The link to a kept document.

`/documents/{id}/{name}`: the id is the Unix second at which the link expires, 160 random bits and a seal of 96 bits, in
base64; the name is for people. The document is stored under a digest of both, so that nobody who can list the store or
read a log can make a link from that. The expiry is part of the digest: a link with another expiry leads to nothing. The
seal, made with a secret of the store (`seal.py`), shows that a link whose document is gone was once valid.
"""

import hashlib
import hmac
import math
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apientreprise_gateway.contract.documents import FileKind

PREFIX: Final = "/documents/"
"""What the path of every link starts with."""
BUCKET_SECONDS: Final = 3600
"""Seconds of a bucket: documents that expire in the same hour are stored together, so that they are found at once."""
SKEW_SECONDS: Final = 60
"""Seconds by which the clocks of two gateways may differ."""
_RANDOM_BYTES: Final = 20
_SEAL_BYTES: Final = 12
_END_BYTES: Final = 4
_MAX_NAME: Final = 120
_PATH: Final = re.compile(
    rf"{PREFIX}(?P<id>[A-Za-z0-9_-]{{48}})/"
    rf"(?P<name>[A-Za-z0-9][A-Za-z0-9_-]{{0,{_MAX_NAME}}}\.(?P<kind>{'|'.join(FileKind)}))",
    re.ASCII,
)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class DocumentLink:
    """The link to one document."""

    id: str
    name: str

    @property
    def path(self) -> str:
        """The path, without the scheme and the host."""
        return f"{PREFIX}{self.id}/{self.name}"

    @property
    def ends(self) -> int:
        """The Unix second at which it expires."""
        return int.from_bytes(urlsafe_b64decode(self.id)[:_END_BYTES])

    def has_ended(self, now: float, *, longest: float) -> bool:
        """Whether it has expired at a Unix time, given that links are valid for `longest` seconds at most.

        One that expires later than that was made by a clock that was ahead; it counts as expired.
        """
        return not now < self.ends <= now + longest + SKEW_SECONDS

    @property
    def kind(self) -> FileKind:
        """The kind of the document."""
        return FileKind(self.name.rpartition(".")[2])

    @property
    def key(self) -> str:
        """The key of the document in a store: the hour in which it expires, then a digest."""
        return f"{self.ends // BUCKET_SECONDS}/{self._digest}"

    @property
    def reference(self) -> str:
        """The name of the document in logs; the link cannot be made from it."""
        return self._digest[:16]

    @property
    def _digest(self) -> str:
        return hashlib.sha256(f"{self.id}/{self.name}".encode("ascii")).hexdigest()


def new_link(*, ends: int, name: str, secret: bytes) -> DocumentLink:
    """A new link that expires at the Unix second `ends`; `name` comes from `file_name`, `secret` from `seal.py`."""
    start = ends.to_bytes(_END_BYTES) + secrets.token_bytes(_RANDOM_BYTES)
    return DocumentLink(urlsafe_b64encode(start + _seal(start, name, secret)).decode(), name)


def is_sealed(link: DocumentLink, secret: bytes) -> bool:
    """Whether a link was made with this secret and not changed since."""
    whole = urlsafe_b64decode(link.id)
    start, seal = whole[:-_SEAL_BYTES], whole[-_SEAL_BYTES:]
    return hmac.compare_digest(seal, _seal(start, link.name, secret))


def _seal(start: bytes, name: str, secret: bytes) -> bytes:
    return hmac.digest(secret, start + name.encode("ascii"), "sha256")[:_SEAL_BYTES]


def read_path(raw_path: bytes) -> DocumentLink | None:
    """The link in a path as it was received; None if it is no link.

    A link has one spelling only: no part of it is percent-encoded.
    """
    found = _PATH.fullmatch(raw_path.decode("latin-1"))
    return None if found is None else DocumentLink(found["id"], found["name"])


def file_name(parts: Sequence[str], kind: FileKind) -> str:
    """A readable and safe name, such as `attestation_vigilance_130025265.pdf`."""
    words = [_UNSAFE.sub("_", part).strip("_-") for part in parts]
    stem = "_".join(word for word in words if word)[:_MAX_NAME].strip("_-")
    return f"{stem or 'document'}.{kind}"


def is_past(bucket: str, moment: float, *, beyond: float = math.inf) -> bool:
    """Whether all documents of a bucket (the first part of a key) have expired at a Unix time.

    Those that expire later than `beyond` count as expired, see `DocumentLink.has_ended`.
    """
    if not (bucket.isascii() and bucket.isdigit()):
        return False
    start = int(bucket) * BUCKET_SECONDS
    return start + BUCKET_SECONDS <= moment or start > beyond
