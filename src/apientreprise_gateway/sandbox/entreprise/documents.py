"""The documents of the fictive providers, given in one of three forms, as real providers do.

Some send the file itself, some send it in base64 within JSON, some send a URL, which is the sandbox's own. Each entity
of `BAD_FILES` gets a document with one kind of fault, from every provider of documents.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson

from apientreprise_gateway.contract.documents import CONTENT, EACH, Document, FileKind
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.documents.places import holders
from apientreprise_gateway.sandbox.entreprise.entities import Entity
from apientreprise_gateway.sandbox.entreprise.pdf import archive, pdf
from apientreprise_gateway.sandbox.exchange import Reply
from apientreprise_gateway.sandbox.world import Form

PREFIX: Final = "/fichiers/"
"""Path below which the sandbox serves the files whose URLs it gives."""
_NAME: Final = re.compile(rb"/fichiers/(\w+)/(\d{9})(?:-(\d{1,3}))?\.(pdf|zip)")
_ELSEWHERE: Final = "https://ailleurs.exemple.test/fichier.pdf"
_PAGE: Final = b"<!doctype html><title>Portail</title><h1>Votre session a expir&eacute;</h1>"
_HEADERS: Final = MappingProxyType(
    {FileKind.PDF: {"content-type": "application/pdf"}, FileKind.ZIP: {"content-type": "application/zip"}}
)


FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "api_entreprise_v3_dgfip_attestations_fiscales": Form.FILE,
        "api_entreprise_v2_attestations_fiscales_dgfip": Form.FILE,
        "api_entreprise_v3_fntp_carte_professionnelle_travaux_publics": Form.FILE,
        "api_entreprise_v2_cartes_professionnelles_fntp": Form.FILE,
        "api_entreprise_v3_cibtp_attestation_cotisations_conges_payes_chomage_intemperies": Form.FILE,
        "api_entreprise_v4_acoss_attestations_sociales": Form.BASE64,
        "api_entreprise_v3_acoss_attestations_sociales": Form.BASE64,
        "api_entreprise_v2_attestations_sociales_acoss": Form.BASE64,
        "api_entreprise_v3_probtp_attestations_cotisation_retraite": Form.BASE64,
        "api_entreprise_v2_attestations_cotisation_retraite_probtp": Form.BASE64,
        "api_entreprise_v3_mi_documents_associations": Form.BASE64,
        "api_entreprise_v2_documents_associations": Form.BASE64,
    }
)
"""The form of documents by operation; the others give an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFile:
    """A way in which a document can be unusable, with the identifiers that trigger it."""

    fault: str
    siren: str
    siret: str
    rna: str
    description: str
    """One line of French for users of the sandbox."""
    spoil: Callable[[bytes], bytes] = lambda file: file
    """Damages the file."""
    encode: Callable[[bytes], str] = lambda file: b64encode(file).decode()
    """Encodes the file in base64, correctly or not."""
    by_address: bool = False
    """Whether the fault only exists with an address; the document is then given by address."""
    address: str = ""
    """The address that is given instead of the right one; empty for the right one."""
    status: int = 200
    """The HTTP status at the file's address."""
    slow: bool = False
    """Whether the file takes longer than any caller waits."""


BAD_FILES: Final = (
    BadFile(
        fault="file-unreadable",
        siren="999000516",
        siret="99900051600016",
        rna="W999000051",
        description="fichier coupé au milieu, ou base64 illisible",
        spoil=lambda file: file[: len(file) // 2],
        encode=lambda file: "*" + b64encode(file).decode(),
    ),
    BadFile(
        fault="file-slow",
        siren="999000524",
        siret="99900052400010",
        rna="W999000052",
        description="adresse d'un fichier qui ne vient pas (60 secondes)",
        by_address=True,
        slow=True,
    ),
    BadFile(
        fault="file-missing",
        siren="999000532",
        siret="99900053200013",
        rna="W999000053",
        description="adresse d'un fichier qui n'existe plus (404)",
        by_address=True,
        status=404,
    ),
    BadFile(
        fault="file-elsewhere",
        siren="999000540",
        siret="99900054000016",
        rna="W999000054",
        description="adresse d'un fichier sur un autre hôte",
        by_address=True,
        address=_ELSEWHERE,
    ),
    BadFile(
        fault="file-type",
        siren="999000557",
        siret="99900055700010",
        rna="W999000055",
        description="page HTML à la place du fichier",
        spoil=lambda _file: _PAGE,
    ),
    BadFile(
        fault="file-empty",
        siren="999000565",
        siret="99900056500013",
        rna="W999000056",
        description="fichier vide",
        spoil=lambda _file: b"",
    ),
)
"""All bad files, in the order of the last three digits of their error codes."""

GOOD_FILE: Final = BadFile(fault="", siren="", siret="", rna="", description="")
"""A document without a fault."""
_BY_SIREN: Final = {bad.siren: bad for bad in BAD_FILES}


def bad_file_of(siren: str) -> BadFile:
    """The fault of an entity's documents; `GOOD_FILE` if there is none."""
    return _BY_SIREN.get(siren, GOOD_FILE)


def give(endpoint: Endpoint, entity: Entity, body: Any, *, host: str, form: Form | None = None) -> Reply:
    """The answer of an operation with documents.

    Args:
        endpoint: the endpoint, which has a `document`.
        entity: the entity that the documents are about.
        body: the answer in the form of our contract; addresses of documents in it are replaced, except null.
        host: base URL of the sandbox, as the caller knows it.
        form: the form of the documents; by default that of the operation's provider.
    """
    document = endpoint.document
    assert document is not None  # noqa: S101 - the caller has checked
    bad = bad_file_of(entity.siren)
    form = Form.ADDRESS if bad.by_address else form or FORMS.get(endpoint.operation, Form.ADDRESS)
    if document.alone and form is Form.FILE:
        return Reply(200, bad.spoil(_file(endpoint, entity, 0)), _HEADERS[document.kinds[0]])
    if document.own and form is not Form.ADDRESS:
        encoded = bad.encode(bad.spoil(_file(endpoint, entity, 0)))
        return Reply(200, orjson.dumps({"entete": {"code": "0", "message": "OK"}, "data": encoded}))
    field = document.address[-1]
    filled = orjson.loads(orjson.dumps(body))  # a copy, as some bodies are shared
    given = [holder for holder, _ in holders(filled, document) if holder.get(field) is not None]
    for number, holder in enumerate(given, 1):
        rank = number if EACH in document.address else 0
        if form is Form.ADDRESS:
            holder[field] = bad.address or f"http://{host}{_path(endpoint.operation, entity, rank, document)}"
        else:
            holder[field] = None
            holder[CONTENT] = bad.encode(bad.spoil(_file(endpoint, entity, rank)))
    return Reply(200, orjson.dumps(filled))


def file_at(path: bytes, endpoints: Mapping[str, Endpoint], entities: Mapping[str, Entity]) -> tuple[BadFile, Reply]:
    """The fault of the file at a path, and the answer with that file."""
    found = _NAME.fullmatch(path)
    endpoint = None if found is None else endpoints.get(found[1].decode())
    entity = None if found is None else entities.get(found[2].decode())
    if found is None or endpoint is None or entity is None:
        return GOOD_FILE, Reply(404, b'{"message":"Fichier inconnu"}')
    bad = bad_file_of(entity.siren)
    if bad.status != 200:
        return bad, Reply(bad.status, b'{"message":"Fichier inconnu"}')
    file = bad.spoil(_file(endpoint, entity, int(found[3] or 0)))
    return bad, Reply(200, file, _HEADERS[FileKind(found[4].decode())])


def _path(operation: str, entity: Entity, rank: int, document: Document) -> str:
    number = f"-{rank}" if rank else ""
    return f"{PREFIX}{operation}/{entity.siren}{number}.{document.kinds[0]}"


def _file(endpoint: Endpoint, entity: Entity, rank: int) -> bytes:
    number = [f"Document {rank}"] if rank else []
    page = pdf([endpoint.summary, entity.display_name, f"SIREN {entity.siren}", *number, "", "Document fictif."])
    document = endpoint.document
    if document is not None and document.kinds[0] is FileKind.ZIP:
        return archive(f"{entity.siren}.pdf", page)
    return page
