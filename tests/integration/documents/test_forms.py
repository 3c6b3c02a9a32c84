"""Documents of providers, in each form and with each fault, to a link that gives them back."""

import io
import zipfile
from typing import Any

import orjson
import pytest

from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.sandbox.entreprise.pdf import archive
from support.papers import (
    ACTES,
    ASSOCIATION,
    ASSOCIATION_V2,
    CIBTP,
    LINK,
    PROBTP,
    VIGILANCE_V2,
    VIGILANCE_V3,
    VIGILANCE_V4,
    Papers,
    as_address,
    as_base64,
    as_file,
    encoded,
    envelope,
    pdf,
)
from support.site import DOCUMENT_BODY, Site, codes, fresh
from support.stub import answer

PDF = pdf()
LARGE = pdf(3_000_000)
ZIP = archive("acte.pdf", PDF)
FILE = "/files/attestation.pdf"


def asked(site: Site, path: str, raw: bytes | None, file: bytes | None = b"") -> Any:
    """What a call gets whose provider answers so, and has so (a raw answer) at the address of its file."""
    site.provider.handler = Papers({path: raw, FILE: file})
    return site.call(path, token=fresh())


def downloaded(site: Site, address: str) -> bytes:
    """The document of a link, asked for without a token."""
    found = LINK.fullmatch(address)
    assert found is not None, address
    response = site.client.get(address)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"application/{found[2]}"
    return response.content


# The three forms.


@pytest.mark.parametrize("file", [PDF, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("content_type", ["application/pdf", "application/octet-stream", "text/plain", ""])
def test_the_file_itself(site: Site, content_type: str, file: bytes) -> None:
    """A provider may answer the file and nothing else, whatever it calls it."""
    response = asked(site, VIGILANCE_V3, as_file(file, content_type=content_type))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/vnd.api+json"
    body = response.json()
    assert body.keys() == {"data", "links", "meta"}
    assert body["data"].keys() == {"document_url", "expires_in"}
    assert 86_390 <= body["data"]["expires_in"] <= 86_400
    assert downloaded(site, body["data"]["document_url"]) == file


@pytest.mark.parametrize("file", [PDF, LARGE], ids=["small", "large"])
def test_base64_in_json(site: Site, file: bytes) -> None:
    """A provider may put the file into its JSON, of which the rest is passed on."""
    said = {"entity_status": {"code": "ok", "libelle": "é", "description": "\n"}, "code_securite": "1"}
    raw = answer(envelope(**said, document=encoded(file)).replace(b"/", b"\\/"))
    data = asked(site, VIGILANCE_V4, raw).json()["data"]
    assert downloaded(site, data.pop("document_url")) == file
    assert 86_390 <= data.pop("document_url_expires_in") <= 86_400
    assert data == said


@pytest.mark.parametrize("prefix", ["", "data:application/pdf;base64,"])
def test_base64_in_place_of_the_address(site: Site, prefix: str) -> None:
    """The file may stand where its address is expected."""
    data = asked(site, VIGILANCE_V3, as_address(prefix + encoded(PDF))).json()["data"]
    assert downloaded(site, data["document_url"]) == PDF


@pytest.mark.parametrize("file", [PDF, LARGE], ids=["small", "large"])
def test_a_form_of_the_providers_own(site: Site, file: bytes) -> None:
    """A provider whose JSON is not ours says in its file where the document is."""
    raw = answer(b'{"entete":{"code":"0"},"data":"%b"}' % encoded(file).encode())
    body = asked(site, PROBTP, raw).json()
    assert body.keys() == {"data", "links", "meta"}
    assert downloaded(site, body["data"]["document_url"]) == file


@pytest.mark.parametrize("file", [PDF, LARGE], ids=["small", "large"])
def test_an_address(site: Site, file: bytes) -> None:
    """A provider may say where the file is; the caller gets another address, and another lifetime."""
    raw = as_address(f"{site.provider.url}{FILE}?a=b c&d=é#top")
    data = asked(site, VIGILANCE_V3, raw, as_file(file, content_type="text/html")).json()["data"]
    assert 86_390 <= data["expires_in"] <= 86_400
    assert downloaded(site, data["document_url"]) == file
    assert site.provider.requests[-1].startswith(f"GET {FILE}?a=b%20c&d=%C3%A9 HTTP/1.1")


def test_v2(site: Site) -> None:
    """In v2 the answer is an address, and nothing else."""
    body = asked(site, VIGILANCE_V2, as_file(PDF)).json()
    assert body.keys() == {"url"}
    assert downloaded(site, body["url"]) == PDF


def test_an_archive(site: Site) -> None:
    """An archive keeps its ending, and what stands beside its address."""
    raw = answer(b'{"actes":[{"id_fichier":1}],"url_documents":"%b"}' % f"{site.provider.url}{FILE}".encode())
    body = asked(site, ACTES, raw, as_file(ZIP)).json()
    assert body["actes"] == [{"id_fichier": 1}]
    assert body["url_documents"].endswith("/actes_inpi_130025265.zip")
    opened = zipfile.ZipFile(io.BytesIO(downloaded(site, body["url_documents"])))
    assert opened.read("acte.pdf") == PDF


def test_names_say_what_and_whose(site: Site) -> None:
    """The end of a link is what a person would call the file."""
    url = asked(site, VIGILANCE_V3, as_file(PDF)).json()["data"]["document_url"]
    assert url.endswith("/attestation_vigilance_130025265.pdf")


def test_a_shorter_life(site: Site) -> None:
    """A provider whose documents are kept for ten minutes says so."""
    assert 590 <= asked(site, CIBTP, as_file(PDF)).json()["data"]["expires_in"] <= 600


def test_no_document(site: Site) -> None:
    """Where there may be none, an answer without one is passed on."""
    said = {"entity_status": {"code": "refus_de_delivrance"}, "document_url": None, "document_url_expires_in": None}
    assert asked(site, VIGILANCE_V4, answer(envelope(**said))).json()["data"] == said


# Lists.


def entry(**said: Any) -> dict[str, Any]:
    """A document of an association."""
    return {"data": {"timestamp": "1", "type": "Statuts", "errors": [], **said}, "links": {}, "meta": {}}


def association(*entries: dict[str, Any]) -> bytes:
    """The documents of an association, as their provider gives them."""
    body = {
        "data": list(entries),
        "links": {},
        "meta": {"nombre_documents": len(entries), "nombre_documents_deficients": 0},
    }
    return answer(orjson.dumps(body))


def test_several_documents(site: Site) -> None:
    """Each document of a list has its own link, in whatever form it came."""
    raw = association(
        entry(document=encoded(PDF)), entry(url=f"{site.provider.url}{FILE}"), entry(url=None, expires_in=None)
    )
    entries = [each["data"] for each in asked(site, ASSOCIATION, raw, as_file(LARGE)).json()["data"]]
    assert [downloaded(site, each["url"]) for each in entries[:2]] == [PDF, LARGE]
    assert entries[0]["url"].endswith("/documents_W262001597_1.pdf")
    assert all(86_390 <= each["expires_in"] <= 86_400 for each in entries[:2])
    assert (entries[2]["url"], entries[2]["expires_in"]) == (None, None)


def test_a_bad_document_among_good_ones(site: Site) -> None:
    """A list does without the documents that are no good, and says so."""
    raw = association(entry(document=encoded(PDF)), entry(document=""), entry(url="ftp://x"))
    body = asked(site, ASSOCIATION, raw).json()
    entries = [each["data"] for each in body["data"]]
    assert downloaded(site, entries[0]["url"]) == PDF
    assert [each["url"] for each in entries[1:]] == [None, None]
    assert [each["errors"] for each in entries] == [
        [],
        ["Le fichier renvoyé par MI est vide."],
        ["L'adresse du fichier donnée par MI n'est pas valide."],
    ]
    assert body["meta"] == {"nombre_documents": 3, "nombre_documents_deficients": 2}


def test_a_bad_document_in_v2(site: Site) -> None:
    """v2 says with 206 that some of it is missing."""
    raw = answer(
        b'{"documents":[{"document":"%b"},{"url":"x"}],"nombre_documents":2,"nombre_documents_deficients":0}'
        % encoded(PDF).encode()
    )
    response = asked(site, ASSOCIATION_V2, raw)
    assert response.status_code == 206
    body = response.json()
    assert [each.keys() for each in body["documents"]] == [{"url"}, set()]
    assert body["nombre_documents_deficients"] == 1


# Faults.


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (as_file(PDF[:-20]), "04051"),
        (as_base64(PDF[:2000]), "04051"),
        (answer(envelope(document="ce n'en est pas !")), "04051"),
        (answer(envelope(document="*" + encoded(LARGE))), "04051"),
        (answer(envelope(document=12)), "04051"),
        (answer(envelope(document=["JVBERi0x"])), "04051"),
        (as_file(b"<html></html>"), "04055"),
        (as_base64(b"<html></html>"), "04055"),
        (as_base64(b"\x89PNG" + bytes(200_000)), "04055"),
        (as_file(ZIP, content_type="application/zip"), "04055"),
        (as_file(b""), "04056"),
        (as_base64(b""), "04056"),
        (as_address("https://ailleurs.exemple.test/attestation.pdf"), "04054"),
        (as_address("http://169.254.169.254/latest/meta-data/"), "04054"),
        (as_address("file:///etc/passwd"), "04054"),
        (as_address("/relative.pdf"), "04054"),
        (as_address(""), "04054"),
        (answer(envelope(document_url=12)), "04054"),
        (answer(envelope(document_url=None, expires_in=None)), "04999"),
        (answer(envelope(said="something")), "04999"),
        (answer(b"[]"), "04999"),
        (answer(b"{}"), "04999"),
        (answer(b'{"data":{"document":"JVBERi0'), "04999"),
        (answer(envelope(said="é" * 200_000, document=encoded(PDF))), "04051"),
        (answer(envelope(said=encoded(LARGE), document=encoded(PDF))), "04999"),
        (as_file(b"<html></html>", content_type="text/html"), "04999"),
        (answer(b"", content_type="application/json"), "04999"),
        (as_file(PDF).replace(b"200 X", b"500 X"), "04000"),
        (as_file(LARGE).replace(b"200 X", b"403 X"), "04006"),
        (as_base64(LARGE).replace(b"200 X", b"404 X"), "04003"),
    ],
)
def test_what_is_no_document(site: Site, raw: bytes, code: str) -> None:
    """Each way to answer something else has its code."""
    response = asked(site, VIGILANCE_V3, raw)
    assert codes(response) == [code]
    assert response.status_code == {"04003": 404}.get(code, 502)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (answer(b"", status=404), "04053"),
        (answer(PDF, status=500), "04053"),
        (answer(LARGE, status=403), "04053"),
        (b"HTTP/1.1 302 X\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n", "04053"),
        (b"HTTP/1.1 200 X\r\ncontent-length: 5000000\r\n\r\n" + LARGE[:100_000], None),
        (b"HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc", "04053"),
        (b"nonsense\r\n\r\n", "04053"),
        (as_file(b""), "04056"),
        (as_file(b"<html></html>"), "04055"),
        (as_file(PDF[:-20]), "04051"),
        (None, "04052"),
    ],
)
def test_downloads_that_fail(hasty: Site, file: bytes | None, code: str | None) -> None:
    """An address that gives no good file has its code: too late, an error, or the file's own fault."""
    hasty.provider.handler = Papers({VIGILANCE_V3: as_address(f"{hasty.provider.url}{FILE}"), FILE: file})
    response = hasty.call(VIGILANCE_V3, token=fresh())
    assert response.status_code == 502
    assert codes(response) == [code or "04052"]


def test_a_late_answer_is_late_in_any_form(hasty: Site) -> None:
    """A file that does not come in time where the answer is the file is a late answer."""
    raw = b"HTTP/1.1 200 X\r\ncontent-type: application/pdf\r\ncontent-length: 5000000\r\n\r\n" + LARGE[:100_000]
    hasty.provider.handler = Papers({VIGILANCE_V3: raw})
    response = hasty.call(VIGILANCE_V3, token=fresh())
    assert (response.status_code, codes(response)) == (504, ["04002"])


@pytest.mark.parametrize("size", [100_000, 3_000_000])
@pytest.mark.parametrize("form", ["file", "base64", "address"])
def test_too_long_a_file(small: Site, form: str, size: int) -> None:
    """A document beyond the cap is not taken, whichever way it comes."""
    file = pdf(size)
    raw = {"file": as_file(file), "base64": as_base64(file), "address": as_address(f"{small.provider.url}{FILE}")}[form]
    small.provider.handler = Papers({VIGILANCE_V3: raw, FILE: as_file(file)})
    response = small.call(VIGILANCE_V3, token=fresh())
    assert (response.status_code, codes(response)) == (502, ["04053"])


def test_errors_in_v2_are_texts(site: Site) -> None:
    """In v2 a bad file is said in words."""
    response = asked(site, VIGILANCE_V2, as_file(b""))
    assert (response.status_code, response.json()) == (502, {"errors": ["Le fichier renvoyé par ACOSS est vide."]})


def test_a_file_alone_is_no_answer_where_more_is_promised(site: Site) -> None:
    """Where the published answer has more than the document, the file alone is not enough."""
    assert codes(asked(site, VIGILANCE_V4, as_file(PDF))) == ["04999"]


def test_what_stands_alone_is_declared() -> None:
    """A document is declared to be alone where the schema of the answer has nothing else."""
    for endpoint in (endpoint for provider in PROVIDERS for endpoint in provider.endpoints):
        document = endpoint.document
        if document is None:
            continue
        schema = SCHEMAS.of(endpoint.operation)
        holder = schema["properties"]["data"] if document.address[0] == "data" and not endpoint.flat else schema
        fields = set(holder.get("properties", ()))
        assert document.alone is (fields == {document.address[-1], document.expires_in} - {""}), endpoint.operation


# What is counted and traced.


def test_what_is_counted(site: Site) -> None:
    """Each kept document is counted by the form in which it came, and each fault by its code."""
    samples = {form: f'gateway_documents_total{{form="{form}",provider="urssaf"}}' for form in ("file", "base64")}
    before = {form: site.metric(sample) for form, sample in samples.items()}
    asked(site, VIGILANCE_V3, as_file(PDF))
    asked(site, VIGILANCE_V3, as_base64(PDF))
    asked(site, VIGILANCE_V3, as_base64(b""))
    assert {form: site.metric(sample) - before[form] for form, sample in samples.items()} == {"file": 1, "base64": 1}
    assert site.metric('gateway_provider_calls_total{outcome="056",provider="urssaf"}') >= 1


def test_a_download_is_traced_to_its_call(site: Site) -> None:
    """The line of a call and that of a download name the document alike; neither leads to it."""
    response = asked(site, VIGILANCE_V3, as_file(PDF))
    link = response.json()["data"]["document_url"]
    download = site.client.get(link, headers={"X-Request-Id": "the-download"})
    assert download.headers["x-request-id"] == "the-download"
    (reference,) = site.line(response.headers["x-request-id"])["documents"]
    (line,) = [line for line in site.lines(event="download") if line["request_id"] == "the-download"]
    assert line["document"] == reference
    assert (line["status"], line["codes"], line["bytes"], line["complete"]) == (200, [], len(PDF), True)
    assert link.split("/")[4] not in site.program.output.read_text()


def test_an_answer_too_deep_to_write(site: Site) -> None:
    """An answer nested deeper than can be written is the provider's error, not ours."""
    deep = b'"x":%b' % (b"[" * 600 + b"]" * 600)
    response = asked(site, VIGILANCE_V4, answer(DOCUMENT_BODY.replace(b'"siren":"130025265"', deep)))
    assert (response.status_code, codes(response)) == (502, ["04999"])


# The same at any size.


@pytest.mark.parametrize("size", [150, 20_000, 66_000, 200_000])
@pytest.mark.parametrize(
    ("before", "file", "after"),
    [
        ("", b"\xef\xbb\xbf", ""),
        ("", b"\n", ""),
        ("", b" \r\n", ""),
        ("\ufeff", b"", ""),
        ("\n", b"", "\n"),
        (" \t", b"", ""),
        ("Data:application/pdf;base64,", b"", ""),
        ("data:Application/PDF;BASE64,", b"\n", ""),
        ("DATA:;name=a.pdf;Base64,", b"", "%0A"),
        (" \ufeffdata:application/pdf;base64,", b"", ""),
        ("data : application / pdf ; base\n64 , ", b"", "% 0\nA"),
    ],
)
def test_base64_in_place_of_an_address(site: Site, before: str, file: bytes, after: str, size: int) -> None:
    """However a provider writes its file in base64, it is read at any size, in either field."""
    document = file + pdf(size)
    text = before + encoded(document) + after
    for field in ("document_url", "document"):
        url = asked(site, VIGILANCE_V3, answer(envelope(**{field: text}))).json()["data"]["document_url"]
        assert downloaded(site, url) == document


@pytest.mark.parametrize("size", [150, 200_000])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("data:application/pdf,{}", "04051"),
        ("data:application/pdf;base32,{}", "04051"),
        ("{}*", "04051"),
        ("https://ailleurs.exemple.test/{}", "04054"),
        ("!{}", "04054"),
    ],
)
def test_what_is_neither(site: Site, text: str, code: str, size: int) -> None:
    """What is neither a file nor an address has the same code at any size."""
    raw = answer(envelope(document_url=text.format(encoded(pdf(size)))))
    assert codes(asked(site, VIGILANCE_V3, raw)) == [code]


@pytest.mark.parametrize("form", ["file", "base64", "address"])
@pytest.mark.parametrize(("more", "good"), [(10_000, True), (65_536, True), (70_000, False), (3_000_000, False)])
def test_what_may_follow_the_end(site: Site, form: str, more: int, good: bool) -> None:
    """A file may be filled up with a block of NUL or blanks, and no more."""
    for nothing in (b"\0", b" "):
        file = PDF + nothing * more
        address = as_address(f"{site.provider.url}{FILE}")
        raw = {"file": as_file(file), "base64": as_base64(file), "address": address}[form]
        response = asked(site, VIGILANCE_V3, raw, as_file(file))
        if good:
            assert downloaded(site, response.json()["data"]["document_url"]) == file
        else:
            assert codes(response) == ["04051"]
