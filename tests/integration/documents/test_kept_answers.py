"""Answers with documents that are kept, asked for by pings, or part of a dossier."""

from pathlib import Path
from urllib.parse import urlsplit

from support.papers import VIGILANCE_V3, VIGILANCE_V4, Papers, as_base64, as_file, encoded, envelope, pdf
from support.site import ROOMY, fresh
from support.site import site as started
from support.stub import answer

PDF = pdf()
STATUS = {"code": "ok", "libelle": "x", "description": "x"}


def test_a_kept_answer_fits_each_call(tmp_path: Path) -> None:
    """Callers who reach us at different hosts share an answer: one document, each with an address of its own."""
    with started(tmp_path, cache="memory", **ROOMY) as own:
        own.provider.handler = Papers({VIGILANCE_V3: as_file(PDF)})
        first, second = (
            own.call(VIGILANCE_V3, token=fresh(), headers={"Host": host}) for host in ("one.example", "two.example")
        )
        assert [each.headers["x-response-cached"] for each in (first, second)] == ["false", "true"]
        one, two = (urlsplit(each.json()["data"]["document_url"]) for each in (first, second))
        assert (one.netloc, two.netloc, one.path) == ("one.example", "two.example", two.path)
        assert second.json()["data"]["expires_in"] <= first.json()["data"]["expires_in"]
        assert len(own.provider.requests) == 1
        assert own.client.get(own.program.url + two.path).content == PDF
        references = [own.line(each.headers["x-request-id"])["documents"] for each in (first, second)]
        assert references[0] == references[1] != []


def test_an_answer_is_not_kept_longer_than_its_document(tmp_path: Path) -> None:
    """An answer that could be kept until tomorrow is kept for the minute that its document lasts."""
    with started(tmp_path, cache="memory", document_seconds="60", **ROOMY) as own:
        own.provider.handler = Papers({VIGILANCE_V3: as_file(PDF)})
        response = own.call(VIGILANCE_V3, token=fresh())
        assert 0 < int(response.headers["x-cache-expires-in"]) <= 60


def test_a_dossier_has_links_too(tmp_path: Path) -> None:
    """A document that is part of a dossier has its link there, and its own line."""
    with started(tmp_path, **ROOMY) as own:
        own.provider.handler = Papers({VIGILANCE_V4: as_base64(PDF)})
        response = own.call("/v3/dossiers/13002526500013?ressources=acoss_attestations_sociales", token=fresh())
        (part,) = response.json()["data"].values()
        assert own.client.get(part["data"]["document_url"]).content == PDF


def test_a_ping_keeps_nothing(tmp_path: Path) -> None:
    """The document that a probe is given is looked at, and forgotten."""
    with started(tmp_path, ping_probes="all", **ROOMY) as own:
        own.provider.handler = Papers(
            {VIGILANCE_V4: answer(envelope(entity_status=STATUS, document=encoded(pdf(200_000))))}
        )
        ping = own.client.get(own.program.url + "/ping/urssaf/attestation_sociale")
        assert (ping.status_code, ping.json()["status"]) == (200, "ok")
        assert len(own.provider.requests) == 1
        assert [each for each in (tmp_path / "documents").rglob("*") if each.is_file()] == []
