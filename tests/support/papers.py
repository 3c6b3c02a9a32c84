"""A stub provider of documents, and its answers in each form."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import orjson

from support.site import hang
from support.stub import answer

VIGILANCE_V3 = "/v3/urssaf/unites_legales/130025265/attestation_vigilance"
VIGILANCE_V2 = "/v2/attestations_sociales_acoss/130025265"
VIGILANCE_V4 = "/v4/urssaf/unites_legales/130025265/attestation_vigilance"
PROBTP = "/v3/probtp/etablissements/13002526500013/attestation_cotisations_retraite"
CIBTP = "/v3/cibtp/etablissements/13002526500013/attestation_cotisations_conges_payes_chomage_intemperies"
ACTES = "/v2/actes_inpi/130025265"
ASSOCIATION = "/v3/ministere_interieur/rna/associations/W262001597/documents"
ASSOCIATION_V2 = "/v2/documents_associations/W262001597"
LINK = re.compile(r"http://127\.0\.0\.1:\d+(/documents/[A-Za-z0-9_-]{48}/[A-Za-z0-9_-]+\.(pdf|zip))")


def pdf(size: int = 4096, *, seed: int = 0) -> bytes:
    """A file of `size` bytes that passes for a PDF; each seed gives another one."""
    head, tail = b"%%PDF-1.4\n%%%d\n" % seed, b"\nxref\nstartxref\n9\n%%EOF\n"
    line = bytes(range(32, 127)) * 3 + b"\n"
    body = line * (size // len(line) + 1)
    return head + body[: size - len(head) - len(tail)] + tail


def envelope(**data: Any) -> bytes:
    """A body in the form of v3."""
    return orjson.dumps({"data": data, "links": {}, "meta": {}})


def encoded(file: bytes) -> str:
    """A file in base64."""
    return b64encode(file).decode()


def as_file(file: bytes, *, content_type: str = "application/pdf") -> bytes:
    """An answer that is the file itself."""
    return answer(file, content_type=content_type)


def as_base64(file: bytes) -> bytes:
    """An answer with the file in base64."""
    return answer(envelope(document=encoded(file)))


def as_address(address: str) -> bytes:
    """An answer with the URL of the file."""
    return answer(envelope(document_url=address, expires_in=77))


class Papers:
    """Answers by path with raw HTTP answers; never answers where that is None."""

    def __init__(self, answers: Mapping[str, bytes | None]) -> None:
        self.answers = answers

    async def __call__(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a request."""
        raw = self.answers.get(target.partition("?")[0], answer(b"", status=404))
        if raw is None:
            await hang(target, reader, writer)
        else:
            writer.write(raw)
