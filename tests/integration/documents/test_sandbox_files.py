"""The sandbox's documents through a gateway: each form, and each fault of a file."""

from collections.abc import Iterator

import httpx
import pytest

from apientreprise_gateway.contract.documents import EACH
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.sandbox.entreprise.documents import BAD_FILES, BadFile
from support import programs
from support.papers import LINK
from support.programs import TRACE, Program
from support.site import LONG, ROOMY, codes, fresh
from unit.sandbox.calling import path_of

DOCUMENTS = [
    pytest.param(provider.prefix, endpoint, id=endpoint.operation)
    for provider in PROVIDERS
    for endpoint in provider.endpoints
    if endpoint.document is not None
]
SOME = [each for each in DOCUMENTS if each.values[0] in {"03", "04", "09", "21"}]
"""Those whose providers give the file, put it into JSON, into JSON of their own, or give a list."""
CODES = {
    "file-unreadable": "051",
    "file-slow": "052",
    "file-missing": "053",
    "file-elsewhere": "054",
    "file-type": "055",
    "file-empty": "056",
}


@pytest.fixture(scope="module", params=[(), ("--documents", "address"), ("--documents", "base64")], ids=str)
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A gateway in front of the sandbox, which gives documents as each provider does, or all in the same form."""
    with (
        programs.sandbox(tmp_path_factory.mktemp("sandbox"), *request.param) as sandbox,
        programs.gateway(
            tmp_path_factory.mktemp("gateway"), upstream=sandbox.url, upstream_timeout="2", breaker="off", **ROOMY
        ) as program,
    ):
        yield program


def ask(gateway: Program, endpoint: Endpoint, *, siren: str, siret: str, rna: str) -> httpx.Response:
    """Call an endpoint about an entity."""
    path = path_of(endpoint, siren=siren, siret=siret, rna=rna)
    headers = {"Authorization": f"Bearer {fresh()}"}
    return httpx.get(gateway.url + path, params=TRACE, headers=headers, timeout=LONG)


@pytest.mark.parametrize(("prefix", "endpoint"), DOCUMENTS)
def test_every_document_can_be_downloaded(gateway: Program, prefix: str, endpoint: Endpoint) -> None:
    """The ordinary entity has a document wherever there are some, and its link gives a whole file."""
    response = ask(gateway, endpoint, siren="130025265", siret="13002526500013", rna="W262001597")
    assert response.status_code == 200, prefix
    links = [found[0] for found in LINK.finditer(response.text)]
    assert links
    for link in links:
        file = httpx.get(link, timeout=LONG)
        assert file.status_code == 200
        assert file.content.startswith(b"%PDF-" if link.endswith(".pdf") else b"PK")


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.fault)
@pytest.mark.parametrize(("prefix", "endpoint"), SOME)
def test_every_fault_has_its_code(gateway: Program, prefix: str, endpoint: Endpoint, bad: BadFile) -> None:
    """Each special identifier gets the code of what it stands for, or is counted in a list."""
    response = ask(gateway, endpoint, siren=bad.siren, siret=bad.siret, rna=bad.rna)
    document = endpoint.document
    assert document is not None
    if EACH in document.address:
        body = response.json()
        counted = body["nombre_documents_deficients"] if endpoint.flat else body["meta"]["nombre_documents_deficients"]
        assert (response.status_code, counted > 0) == (206 if endpoint.flat else 200, True)
        assert LINK.search(response.text) is None
        return
    assert response.status_code == 502
    if not endpoint.flat:
        assert codes(response) == [prefix + CODES[bad.fault]]


def test_elsewhere_they_are_ordinary(gateway: Program) -> None:
    """Where there are no documents, the identifiers of their faults are those of an ordinary entity."""
    endpoint = PROVIDERS[0].endpoints[0]
    for bad in BAD_FILES:
        assert ask(gateway, endpoint, siren=bad.siren, siret=bad.siret, rna=bad.rna).status_code == 200


def test_every_fault_is_here() -> None:
    """The table of this module knows every fault of a file."""
    assert {bad.fault for bad in BAD_FILES} == CODES.keys()
