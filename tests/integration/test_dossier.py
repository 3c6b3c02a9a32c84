"""The dossier: several resources of a company in one call."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from apientreprise_gateway.providers.dossier import RESOURCES
from support.programs import TRACE
from support.site import DOCUMENT_BODY, LONG, ROOMY, Gate, Site, codes, fresh, hang, wait_until
from support.site import site as started
from support.stub import answer
from support.wire import request, wire

SIRET = "13002526500013"
UNITE = "insee_unites_legales"
RCS = "infogreffe_extraits_rcs"
MSA = "msa_conformites_cotisations"


def _path(*names: str, siret: str = SIRET) -> str:
    return f"/v3/dossiers/{siret}?ressources={','.join(names)}"


def _parts(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    parts: dict[str, Any] = response.json()["data"]
    return parts


class ByProvider:
    """A provider that answers by path; what it does not know is 404."""

    def __init__(self, **bodies: bytes) -> None:
        """Take raw answers by a word of the path."""
        self.bodies = bodies
        self.asked: list[str] = []

    async def __call__(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer, or hang where the answer is empty."""
        self.asked.append(target)
        for word, raw in self.bodies.items():
            if f"/{word}/" in target:
                if not raw:
                    await hang(target, reader, writer)
                writer.write(raw)
                return
        writer.write(answer(b"", status=404))


def _said(text: str) -> bytes:
    return answer(b'{"data":{"said":"%b"},"links":{"a":"b"},"meta":{"c":1}}' % text.encode())


def test_each_part_has_its_own_answer(site: Site) -> None:
    """Parts that answer, that find nothing and that fail stand side by side."""
    provider = ByProvider(insee=_said("insee"), msa=answer(b"", status=500))
    site.provider.handler = provider
    response = site.call(_path(UNITE, RCS, MSA), token=fresh())
    parts = _parts(response)
    assert list(parts) == [UNITE, RCS, MSA]
    assert {name: part["status"] for name, part in parts.items()} == {UNITE: 200, RCS: 404, MSA: 502}
    assert {key: parts[UNITE][key] for key in ("data", "links", "meta")} == {
        "data": {"said": "insee"},
        "links": {"a": "b"},
        "meta": {"c": 1},
    }
    assert parts[RCS]["errors"][0]["code"] == "02003"
    assert parts[MSA]["errors"][0]["code"].endswith("000")
    assert response.json()["meta"] == {"siret": SIRET, "ressources": 3, "ressources_obtenues": 1}
    assert response.headers["content-type"] == "application/vnd.api+json"
    assert sorted(provider.asked) == [
        f"/v3/infogreffe/rcs/unites_legales/{SIRET[:9]}/extrait_kbis",
        f"/v3/msa/etablissements/{SIRET}/conformite_cotisations",
        f"/v4/insee/sirene/unites_legales/{SIRET[:9]}",
    ]


def test_parts_are_asked_at_the_same_time(site: Site) -> None:
    """No provider is waited for before the next one is asked."""
    gate = Gate()
    site.provider.handler = gate
    with site.in_background(lambda: site.call(_path(UNITE, RCS, MSA), token=fresh())) as call:
        wait_until(lambda: len(site.provider.requests) == 3)
        gate.opened.set()
    assert {part["status"] for part in _parts(call.result()).values()} == {200}


def test_a_part_that_hangs_does_not_spoil_the_others(tmp_path: Path) -> None:
    """At the deadline the dossier is answered, with 504 for what is missing, whose connection is closed."""
    with started(tmp_path, ByProvider(insee=_said("insee"), msa=b""), upstream_timeout="0.5", **ROOMY) as own:
        parts = _parts(own.call(_path(UNITE, MSA), token=fresh()))
        assert own.provider.closed.wait(LONG)
        assert parts[UNITE]["status"] == 200
        assert (parts[MSA]["status"], parts[MSA]["errors"][0]["code"][-3:]) == (504, "002")


def test_each_part_counts_in_its_group(site: Site) -> None:
    """Each part takes one call from its own window, and the whole shows the window with the fewest left."""
    site.provider.handler = ByProvider(insee=_said("a"), urssaf=_said("b"), msa=_said("c"))
    token = fresh()
    names = [UNITE, MSA, "acoss_attestations_sociales"]
    response = site.call(_path(*names), token=token)
    headers = [_parts(response)[name]["headers"] for name in names]
    assert [(each["RateLimit-Limit"], each["RateLimit-Remaining"]) for each in headers] == [
        ("250", "249"),
        ("250", "248"),
        ("50", "49"),
    ]
    assert (response.headers["RateLimit-Limit"], response.headers["RateLimit-Remaining"]) == ("50", "49")
    assert site.call(token=token).headers["RateLimit-Remaining"] == "247"


def test_a_part_over_its_limit_is_refused_alone(tmp_path: Path) -> None:
    """Where a window is full its part carries 429 and `Retry-After`; the others pass."""
    provider = ByProvider(dgfip=answer(DOCUMENT_BODY), insee=_said("insee"))
    with started(tmp_path, provider, limit_strict="1", **ROOMY) as own:
        token = fresh()
        path = _path("dgfip_attestations_fiscales", UNITE)
        assert _parts(own.call(path, token=token))["dgfip_attestations_fiscales"]["status"] == 200
        again = own.call(path, token=token)
        refused = _parts(again)["dgfip_attestations_fiscales"]
        assert (refused["status"], refused["errors"][0]["code"]) == (429, "00429")
        assert 1 <= int(refused["headers"]["Retry-After"]) <= 60
        assert "Retry-After" not in again.headers
        assert _parts(again)[UNITE]["status"] == 200


def test_scopes_are_checked_part_by_part(site: Site) -> None:
    """A token gets the parts that its scopes open, and asks no provider for the others."""
    provider = ByProvider(insee=_said("insee"), msa=_said("msa"))
    site.provider.handler = provider
    parts = _parts(site.call(_path(UNITE, MSA), token=fresh(scopes=["msa_cotisations"])))
    assert (parts[UNITE]["status"], parts[UNITE]["errors"][0]["code"]) == (403, "00100")
    assert parts[MSA]["status"] == 200
    assert len(provider.asked) == 1


def test_further_parameters_reach_their_parts(site: Site) -> None:
    """A year and an option go to the parts that want them, as each spells them; a missing one is an error there."""
    provider = ByProvider(gip_mds=_said("a"), dgfip=_said("b"), douanes=_said("c"))
    site.provider.handler = provider
    names = ["gip_mds_effectifs_annuels_entreprise", "dgfip_liasses_fiscales", "dgddi_eori"]
    _parts(site.call(f"{_path(*names)}&year=2024&nature_effectif=boeth", token=fresh()))
    assert sorted(provider.asked) == [
        f"/v3/douanes/etablissements/FR{SIRET}/immatriculations_eori",
        f"/v3/gip_mds/unites_legales/{SIRET[:9]}/effectifs_annuels/2024?nature_effectif=boeth",
        f"/v4/dgfip/unites_legales/{SIRET[:9]}/liasses_fiscales/2024?user_id=agent-7",
    ]
    parts = _parts(site.call(_path(*names[:2]), token=fresh(), user_id=None))
    assert parts[names[0]]["errors"][0]["code"] == "00307"
    assert parts[names[1]]["errors"][0]["code"] == "00204"


def test_an_older_version_is_asked_by_its_name(site: Site) -> None:
    """A prefix names the version; both may stand in one dossier; a name that comes twice is asked once."""
    provider = ByProvider(insee=_said("insee"))
    site.provider.handler = provider
    assert list(_parts(site.call(_path(f"v3_{UNITE}", UNITE, UNITE), token=fresh()))) == [f"v3_{UNITE}", UNITE]
    assert sorted(target[:4] for target in provider.asked) == ["/v3/", "/v4/"]


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        ("/v3/dossiers/13002526500013", {}, ["00902"]),
        (_path(), {}, ["00902"]),
        (_path(*(f"r{number}" for number in range(21))), {}, ["00902"]),
        (_path(UNITE, "nothing", "dossiers", "entreprises_legacy"), {}, ["00903"]),
        (_path(UNITE, siret="13002526500014"), {}, ["00302"]),
        (_path(UNITE), {"context": " ", "recipient": None}, ["00201", "00203"]),
        (_path(UNITE), {"recipient": "DINUM"}, ["00210"]),
    ],
)
def test_what_is_wrong_with_the_whole_is_refused(
    site: Site, path: str, changes: dict[str, Any], expected: list[str]
) -> None:
    """A wrong SIRET, name or traceability refuses the dossier, asks nobody, and counts as one JSON call."""
    response = site.call(path, token=fresh(), **changes)
    assert (response.status_code, codes(response)) == (422, expected)
    assert (response.headers["RateLimit-Limit"], response.headers["RateLimit-Remaining"]) == ("250", "249")
    assert site.provider.requests == []


def test_unknown_names_are_shown(site: Site) -> None:
    """The error says which of the names it does not know, cut to a sensible length."""
    response = site.call(_path(UNITE, "nothing", "x" * 500), token=fresh())
    assert response.json()["errors"][0]["meta"] == {"ressources_inconnues": ["nothing", "x" * 64]}


def test_a_dossier_needs_a_token_and_has_one_version(site: Site) -> None:
    """Without a token it is refused as any call; other versions and methods do not exist."""
    assert codes(site.call(_path(UNITE), token=None)) == ["00101"]
    assert codes(site.call(_path(UNITE).replace("v3", "v4"), token=fresh())) == ["00402"]
    assert site.call(_path(UNITE), token=fresh(), method="POST").status_code == 405


def test_every_part_leaves_the_line_of_the_call_it_replaces(site: Site) -> None:
    """Parts and whole are traced under one request id; lines without `part_of` equal the answers."""
    site.provider.handler = ByProvider(insee=_said("insee"))
    before = site.metric('gateway_answers_total{operation="api_entreprise_v4_insee_unites_legales",status="200"}')
    site.call(_path(UNITE, RCS), token=fresh(), headers={"X-Request-Id": "whole-dossier"})
    lines = [line for line in site.lines() if line["request_id"] == "whole-dossier"]
    by_operation = {line["operation"]: line for line in lines}
    unite, rcs, whole = (
        by_operation[name]
        for name in (
            "api_entreprise_v4_insee_unites_legales",
            "api_entreprise_v3_infogreffe_extraits_rcs",
            "dossiers",
        )
    )
    assert len(lines) == 3
    assert [line["part_of"] for line in (unite, rcs, whole)] == ["dossiers", "dossiers", None]
    assert [line["status"] for line in (unite, rcs, whole)] == [200, 404, 200]
    assert [line["identifier"] for line in (unite, rcs, whole)] == [SIRET[:9], SIRET[:9], SIRET]
    assert {(line["jti"], line["context"], line["recipient"]) for line in lines} == {
        (whole["jti"], whole["context"], whole["recipient"])
    }
    assert unite["provider_seconds"] is not None
    assert whole["provider_seconds"] is None
    after = site.metric('gateway_answers_total{operation="api_entreprise_v4_insee_unites_legales",status="200"}')
    assert after == before + 1


def test_a_part_that_is_in_flight_is_refused_alone(site: Site) -> None:
    """The duplicate check meets each part: what the same token already asks carries 409."""
    token, gate = fresh(), Gate()
    site.provider.handler = gate
    with site.in_background(lambda: site.call(token=token)) as first:
        assert gate.arrived.wait(LONG)
        with site.in_background(lambda: site.call(_path(UNITE, MSA), token=token)) as second:
            wait_until(lambda: len(site.provider.requests) == 2)
            gate.opened.set()
    assert first.result().status_code == 200
    parts = _parts(second.result())
    assert (parts[UNITE]["status"], parts[UNITE]["errors"][0]["code"]) == (409, "00015")
    assert parts[MSA]["status"] == 200


def test_a_client_that_goes_away_takes_every_part_along(tmp_path: Path) -> None:
    """Each part's call is closed and traced as abandoned, and so is the dossier."""
    with started(tmp_path, hang, upstream_timeout="60") as own:
        with wire(own.program.port) as line:
            line.send(request(path="/v3/dossiers/" + SIRET, token=fresh(), query=TRACE | {RESOURCES: f"{UNITE},{RCS}"}))
            wait_until(lambda: len(own.provider.requests) == 2)
        wait_until(lambda: own.metric("gateway_abandoned_total") == 3)
        assert own.provider.closed.wait(LONG)
        own.provider.handler = ByProvider(insee=_said("insee"))
        assert _parts(own.call(_path(UNITE), token=fresh()))[UNITE]["status"] == 200
        abandoned = own.lines(event="abandoned")
        assert sorted(str(line["part_of"]) for line in abandoned) == ["None", "dossiers", "dossiers"]
        assert "Traceback" not in own.program.all_logged()


def test_a_ban_met_by_a_part_closes_the_connection(tmp_path: Path) -> None:
    """Parts count for the address one by one: the one too many bans it, and nothing is answered."""
    with started(tmp_path, ByProvider(insee=_said("insee")), limit_ip="4") as own:
        token = fresh()
        assert own.call(_path(UNITE, RCS), token=token).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            own.call(_path(UNITE, RCS, MSA), token=token)
        assert "Traceback" not in own.program.all_logged()


def test_head_of_a_dossier_has_no_body(site: Site) -> None:
    """HEAD answers as GET would, without the body."""
    site.provider.handler = ByProvider(insee=_said("insee"))
    response = site.call(_path(UNITE), token=fresh(), method="HEAD")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0


def test_many_dossiers_at_once_stay_whole(site: Site) -> None:
    """Dossiers of several clients at the same time do not mix up their parts."""
    site.provider.handler = ByProvider(insee=_said("insee"), msa=_said("msa"), infogreffe=_said("rcs"))
    wrong: list[str] = []

    def ask() -> None:
        with httpx.Client() as client:
            parts = _parts(site.call(_path(UNITE, MSA, RCS), token=fresh(), client=client))
        if [parts[name]["data"]["said"] for name in (UNITE, MSA, RCS)] != ["insee", "msa", "rcs"]:
            wrong.append(str(parts))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_part_says_nothing_in_our_place(site: Site) -> None:
    """A provider cannot set the status or the headers that a dossier shows of its part."""
    body = b'{"status":418,"headers":{"RateLimit-Limit":"9"},"x":1,"data":{},"links":{},"meta":{}}'
    site.provider.handler = ByProvider(insee=answer(body))
    part = _parts(site.call(_path(UNITE), token=fresh()))[UNITE]
    assert part["status"] == 200
    assert part["headers"]["RateLimit-Limit"] == "250"
    assert set(part) == {"status", "headers", "data", "links", "meta"}


def test_a_part_too_deep_to_write(site: Site) -> None:
    """An answer nested deeper than can be written spoils its own part, and no other."""
    deep = b'{"data":{"x":%b},"links":{},"meta":{}}' % (b"[" * 600 + b"]" * 600)
    site.provider.handler = ByProvider(insee=answer(deep), infogreffe=_said("rcs"))
    parts = _parts(site.call(_path(UNITE, RCS), token=fresh()))
    assert parts[UNITE]["errors"][0]["code"] == "01999"
    assert parts[RCS]["status"] == 200
