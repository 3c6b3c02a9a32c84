"""The link to a kept document.

`/documents/{id}/{name}`: the id is the second at which the link ends, 160 random bits and a seal of 96, in base64; the
name is for people. Nothing else leads to a document, and nothing of the link is where the document lies: it is kept
under a digest of both, so that whoever can list the store, or reads a log, cannot make a link of what is there. The end
is part of the digest: whoever writes another into a link has the link to nothing. The seal, made with a secret of the
store (`seal.py`), says of a link whose document is gone that there was one.
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
"""Documents that end within the same hour lie in one place, so that an hour's worth of them is found at once."""
SKEW_SECONDS: Final = 60
"""How far the clocks of two gateways may be apart."""
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
    """What leads to one document."""

    id: str
    name: str

    @property
    def path(self) -> str:
        """The path, without the scheme and the host."""
        return f"{PREFIX}{self.id}/{self.name}"

    @property
    def ends(self) -> int:
        """The Unix second from which it leads to nothing."""
        return int.from_bytes(urlsafe_b64decode(self.id)[:_END_BYTES])

    def has_ended(self, now: float, *, longest: float) -> bool:
        """Whether it leads to nothing at a Unix time, as links of so many seconds at most are made.

        One whose end is further away than that was made by a clock that was ahead: when it ends cannot be told.
        """
        return not now < self.ends <= now + longest + SKEW_SECONDS

    @property
    def kind(self) -> FileKind:
        """What the document is."""
        return FileKind(self.name.rpartition(".")[2])

    @property
    def key(self) -> str:
        """Where the document lies in a store: the hour of its end, then a name that says nothing."""
        return f"{self.ends // BUCKET_SECONDS}/{self._digest}"

    @property
    def reference(self) -> str:
        """How logs call the document: enough to tell it from others, and no way to it."""
        return self._digest[:16]

    @property
    def _digest(self) -> str:
        return hashlib.sha256(f"{self.id}/{self.name}".encode("ascii")).hexdigest()


def new_link(*, ends: int, name: str, secret: bytes) -> DocumentLink:
    """A link that nobody has seen; `name` comes from `file_name`, and the secret from `seal.py`."""
    start = ends.to_bytes(_END_BYTES) + secrets.token_bytes(_RANDOM_BYTES)
    return DocumentLink(urlsafe_b64encode(start + _seal(start, name, secret)).decode(), name)


def is_sealed(link: DocumentLink, secret: bytes) -> bool:
    """Whether a link was made with a secret, as it is."""
    whole = urlsafe_b64decode(link.id)
    start, seal = whole[:-_SEAL_BYTES], whole[-_SEAL_BYTES:]
    return hmac.compare_digest(seal, _seal(start, link.name, secret))


def _seal(start: bytes, name: str, secret: bytes) -> bytes:
    return hmac.digest(secret, start + name.encode("ascii"), "sha256")[:_SEAL_BYTES]


def read_path(raw_path: bytes) -> DocumentLink | None:
    """The link that a path is, as received; None if it is none.

    A link has one spelling: nothing of it is ever percent-encoded.
    """
    found = _PATH.fullmatch(raw_path.decode("latin-1"))
    return None if found is None else DocumentLink(found["id"], found["name"])


def file_name(parts: Sequence[str], kind: FileKind) -> str:
    """A readable and safe name, such as `attestation_vigilance_130025265.pdf`."""
    words = [_UNSAFE.sub("_", part).strip("_-") for part in parts]
    stem = "_".join(word for word in words if word)[:_MAX_NAME].strip("_-")
    return f"{stem or 'document'}.{kind}"


def is_past(bucket: str, moment: float, *, beyond: float = math.inf) -> bool:
    """Whether all that lies in the place of an hour, the first part of a key, has ended at a moment.

    So has what ends later than `beyond`, see `DocumentLink.has_ended`.
    """
    if not (bucket.isascii() and bucket.isdigit()):
        return False
    start = int(bucket) * BUCKET_SECONDS
    return start + BUCKET_SECONDS <= moment or start > beyond
