"""Answers of providers with `Content-Encoding`, which no call asks for: what counts is their status."""

import asyncio
import gzip
import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.issuer import Issuer
from support.papers import VIGILANCE_V3, Papers, as_address, pdf
from support.site import (
    ATTESTATION_FISCALE,
    DOCUMENT_BODY,
    ENTREPRISE_V2,
    GOOD_BODY,
    ROOMY,
    UNITE_LEGALE,
    Site,
    codes,
    fresh,
)
from support.site import site as started
from support.stub import Handler, always, answer, stub
from support.token_server import CLIENT, CLIENT_SECRET, token_server

LABELS = (
    "gzip",
    "x-gzip",
    "gzip,",
    "GZIP",
    "deflate",
    "br",
    "zstd",
    "UTF-8",
    "none",
    "",
    "identity",
    "gzip, br",
    "what ever",
)
ODD = {
    "empty": b"",
    "one byte": b"\x1f",
    "cut": gzip.compress(GOOD_BODY)[:-6],
    "no gzip": b"\xff\x00" * 500,
    "gzip": gzip.compress(b'{"message": "no"}'),
    "text": b"no",
    "long": b"x" * 200_000,
}
MEANINGS = {
    401: (502, "03006"),
    403: (502, "03006"),
    404: (404, "03003"),
    429: (502, "03008"),
    451: (451, "03005"),
    500: (502, "03000"),
    502: (502, "03000"),
    503: (502, "03001"),
    504: (502, "03001"),
    204: (502, "03999"),
    302: (502, "03999"),
    304: (502, "03999"),
}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that asks its providers whatever happened before."""
    with started(tmp_path_factory.mktemp("calm"), breaker="off", **ROOMY) as calm:
        yield calm


def labelled(raw: bytes, *labels: str) -> bytes:
    """An answer with header lines that name its coding."""
    lines = b"".join(f"content-encoding: {label}\r\n".encode() for label in labels)
    return raw.replace(b"\r\n", b"\r\n" + lines, 1)


@pytest.mark.parametrize("status", MEANINGS)
@pytest.mark.parametrize("body", ODD)
def test_the_status_of_an_error_counts(calm: Site, status: int, body: str) -> None:
    """Whatever is said of its coding, and whatever the body, an error is what its status says."""
    content = b"" if status in {204, 304} else ODD[body]
    paths = (ATTESTATION_FISCALE, "/v3/dgfip/unites_legales/130025265/liasses_fiscales/2020")
    for label, path in zip(LABELS, itertools.cycle(paths), strict=False):
        calm.provider.handler = always(labelled(answer(content, status=status), label))
        response = calm.call(path, token=fresh(), user_id="agent")
        assert (response.status_code, codes(response)) == (MEANINGS[status][0], [MEANINGS[status][1]]), label


def test_an_error_longer_than_allowed(calm: Site) -> None:
    """The status of an error counts although its body is too long to be read, compressed or not."""
    bomb = gzip.compress(bytes(40_000_000))
    head = b"HTTP/1.1 404 X\r\ncontent-type: application/json\r\n"
    for raw in (
        head + b"content-length: 999999999\r\n\r\n{",
        labelled(answer(bomb, status=404), "gzip"),
        answer(bytes(17_000_000), status=404),
    ):
        calm.provider.handler = always(raw)
        for path in (UNITE_LEGALE, ATTESTATION_FISCALE):
            response = calm.call(path, token=fresh())
            assert (response.status_code, codes(response)[0][2:]) == (404, "003")


OWN_FORM = b'{"errors":[{"code":"03042","title":"Titre","detail":"Un texte.","meta":{}}]}'


@pytest.mark.parametrize("status", [404, 422, 502, 503])
def test_an_error_in_our_form_is_decoded(calm: Site, status: int) -> None:
    """An error that the provider words in our form is passed on, compressed or not."""
    calm.provider.handler = always(labelled(answer(gzip.compress(OWN_FORM), status=status), "gzip"))
    response = calm.call(ATTESTATION_FISCALE, token=fresh())
    assert (response.status_code, response.content) == (status, OWN_FORM)


READABLE: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "gzip": (gzip.compress(GOOD_BODY), ("gzip",)),
    "x-gzip": (gzip.compress(GOOD_BODY), ("X-GZip",)),
    "deflate": (zlib.compress(GOOD_BODY), ("deflate",)),
    "raw deflate": (zlib.compress(GOOD_BODY)[2:-4], ("deflate",)),
    "two lines": (gzip.compress(GOOD_BODY), ("identity", "gzip")),
    "identity twice": (GOOD_BODY, ("identity", "identity")),
    "identities": (GOOD_BODY, ("identity, identity",)),
    "in capitals": (GOOD_BODY, ("IDENTITY",)),
    **{f"plain {label or 'nothing'}": (GOOD_BODY, (label,)) for label in LABELS},
    "plain 8bit": (GOOD_BODY, ("8bit",)),
    "plain binary": (GOOD_BODY, ("binary",)),
}


@pytest.mark.parametrize("name", READABLE)
def test_a_good_answer_is_read(calm: Site, name: str) -> None:
    """A good answer is given plain, whatever it is labelled, where it is plain or can be decompressed."""
    body, labels = READABLE[name]
    calm.provider.handler = always(labelled(answer(body), *labels))
    for _ in range(2):
        response = calm.call(token=fresh())
        assert (response.status_code, response.content) == (200, GOOD_BODY)
    assert "content-encoding" not in response.headers
    assert calm.call(ENTREPRISE_V2, token=fresh()).status_code == 200


@pytest.mark.parametrize("label", ["gzip", "deflate", "UTF-8", "identity"])
@pytest.mark.parametrize("size", [1000, 3_000_000], ids=["small", "large"])
@pytest.mark.parametrize("form", ["file", "address", "base64"])
def test_documents(calm: Site, label: str, size: int, form: str) -> None:
    """A document is kept as it is without its coding, whether it is the answer, within it or at an address."""
    paper = pdf(size)

    def packed(data: bytes) -> bytes:
        return {"gzip": gzip.compress(data), "deflate": zlib.compress(data)}.get(label, data)

    file = labelled(answer(packed(paper), content_type="application/pdf"), label)
    given = {
        "file": file,
        "address": labelled(as_address(f"{calm.provider.url}/file"), label, "none") if label == "UTF-8" else None,
        "base64": labelled(answer(packed(DOCUMENT_BODY)), label),
    }[form] or as_address(f"{calm.provider.url}/file")
    calm.provider.handler = Papers({VIGILANCE_V3: given, "/file": file})
    response = calm.call(VIGILANCE_V3, token=fresh())
    assert response.status_code == 200, response.text
    if form != "base64":
        assert calm.client.get(response.json()["data"]["document_url"]).content == paper


def test_a_document_that_is_a_bomb(calm: Site) -> None:
    """What a document is decompressed to is bounded as any document is."""
    bomb = labelled(answer(gzip.compress(b"%PDF" + bytes(70_000_000), 9), content_type="application/pdf"), "gzip")
    calm.provider.handler = always(bomb)
    response = calm.call(VIGILANCE_V3, token=fresh())
    assert (response.status_code, codes(response)) == (502, ["04053"])


def _refusing_first(raw: bytes) -> Handler:
    """Refuse the first token as told, and take the others."""

    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw if handler.calls == 0 else answer(GOOD_BODY))  # type: ignore[attr-defined]
        handler.calls += 1  # type: ignore[attr-defined]

    handler.calls = 0  # type: ignore[attr-defined]
    return handler


@pytest.mark.parametrize("body", ["empty", "cut", "gzip"])
def test_a_refused_token_is_renewed(tmp_path: Path, body: str) -> None:
    """A 401 renews the token although its body is said to be compressed."""
    refusal = labelled(answer(ODD[body], status=401), "gzip")
    auth = {"kind": "oauth2", "client_id": CLIENT, "client_secret": CLIENT_SECRET}
    with token_server() as tokens:
        settings = {
            f"providers__insee__auth__{name}": value for name, value in (auth | {"token_url": tokens.url}).items()
        }
        with started(tmp_path, _refusing_first(refusal), **settings) as site:
            assert site.call(token=fresh()).status_code == 200
            assert len(tokens.forms) == 2
            assert "Bearer token-2" in site.provider.requests[-1]


TOKEN = b'{"access_token": "token-1", "token_type": "%b", "expires_in": 3600}'


@pytest.mark.parametrize(
    "kind", ["Bearer", "bearer", "BEARER", "BearerToken", "bearertoken", "Bearer Token", "bearer_token"]
)
@pytest.mark.parametrize("status", [200, 201])
def test_token_servers(tmp_path: Path, status: int, kind: str) -> None:
    """A token counts whether its server answers 200 or 201, compresses it or not, and however it spells its type."""
    token = TOKEN % kind.encode()
    auth = {"kind": "oauth2", "client_id": CLIENT, "client_secret": CLIENT_SECRET}
    with token_server() as tokens:
        tokens.raw = labelled(answer(gzip.compress(token), status=status), "gzip") if status == 201 else answer(token)
        settings = {
            f"providers__insee__auth__{name}": value for name, value in (auth | {"token_url": tokens.url}).items()
        }
        with started(tmp_path, **settings) as site:
            assert site.call(token=fresh()).status_code == 200
            assert "Bearer token-1" in site.provider.requests[-1]


@pytest.mark.parametrize("body", ["empty", "gzip"])
def test_the_breaker_opens(tmp_path: Path, body: str) -> None:
    """A 503 opens the breaker although its body is said to be compressed."""
    unwell = always(labelled(answer(ODD[body], status=503), "gzip"))
    figures = {"providers__insee__breaker__calls": "4", "providers__insee__breaker__wait": "3000"}
    with started(tmp_path, unwell, **figures, providers__insee__breaker__longest_wait="3000") as site:
        assert [codes(site.call(token=fresh())) for _ in range(6)] == [["01001"]] * 6
        assert len(site.provider.requests) == 4


@pytest.mark.parametrize("label", ["gzip", "UTF-8", "identity"])
def test_a_key_set(tmp_path: Path, label: str) -> None:
    """A key set is read whatever its coding is said to be."""
    issuer = Issuer()
    published = issuer.published("one")
    body = gzip.compress(published) if label == "gzip" else published
    with stub(always(labelled(answer(body), label))) as server, started(tmp_path, jwks=f"{server.url}/jwks") as site:
        assert site.call(token=issuer.token("one")).status_code == 200


def test_a_key_set_that_cannot_be_read(tmp_path: Path) -> None:
    """A key set that cannot be decompressed is none, and the gateway says so for as long as it has no other."""
    issuer = Issuer()
    with (
        stub(always(labelled(answer(gzip.compress(issuer.published("one"))[:-9]), "gzip"))) as server,
        started(tmp_path, jwks=f"{server.url}/jwks") as site,
    ):
        response = site.call(token=issuer.token("one"))
        assert (response.status_code, codes(response)) == (503, ["00506"])


# A 408 on a connection that was kept.


def _expiring(*statuses: int) -> Handler:
    """Answer with these statuses, one after the other, then well."""
    left = list(statuses)

    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = left.pop(0) if left else 200
        body = GOOD_BODY if status == 200 else b""
        writer.write(answer(body, status=status))

    return handler


@pytest.mark.parametrize("path", [UNITE_LEGALE, ATTESTATION_FISCALE])
def test_a_408_on_a_kept_connection(tmp_path: Path, path: str) -> None:
    """A server that lets a kept connection go with 408 as it is used again has not answered: another is made, once."""
    with started(tmp_path, _expiring(404, 408, 404, 408, 408)) as site:
        token = fresh()
        found = [codes(site.call(path, token=token))[0][2:] for _ in range(3)]
        assert found == ["003", "003", "999"]
        assert len(site.provider.requests) == 5
        assert site.provider.connections == 3


def test_a_408_on_a_fresh_connection(tmp_path: Path) -> None:
    """On a fresh connection a 408 is the answer."""
    with started(tmp_path, _expiring(408)) as site:
        response = site.call(token=fresh())
        assert (response.status_code, codes(response)) == (502, ["01999"])
        assert len(site.provider.requests) == 1
