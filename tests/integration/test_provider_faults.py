"""What callers are told when a provider fails, for every way in which it can."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from support.site import (
    ATTESTATION_FISCALE,
    ATTESTATION_FISCALE_V2,
    ENTREPRISE_V2,
    EXTRAIT_RCS,
    GOOD,
    GOOD_BODY,
    LONG,
    ROOMY,
    UNITE_LEGALE,
    Gate,
    Site,
    codes,
    fresh,
    hang,
)
from support.site import site as started
from support.stores import free_port
from support.stub import Handler, always, answer

OWN_FORM = b'{"errors": [{"code":"03042","title":"Titre","detail":"Un texte.","source":null,"meta":{"retry_in":7}}]}'


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that waits 0.3 s for a provider."""
    with started(tmp_path_factory.mktemp("hasty"), upstream_timeout="0.3", **ROOMY) as hasty:
        yield hasty


def _closing(raw: bytes, *, reset: bool = False) -> Handler:
    """Write bytes, then close, with a reset if asked."""

    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        if reset:
            writer.transport.abort()
        writer.close()

    return handler


async def _drip(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


def _head(length: int | None = None) -> bytes:
    size = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{size}\r\n\r\n".encode()


def test_a_refused_connection(tmp_path: Path) -> None:
    """A provider that refuses connections is down: 502 PP001, in the shape of each version."""
    with started(tmp_path, upstream=f"http://127.0.0.1:{free_port()}") as own:
        response = own.call(token=fresh())
        assert (response.status_code, codes(response)) == (502, ["01001"])
        assert response.json()["errors"][0]["meta"] == {"provider": "INSEE", "retry_in": 10}
        assert codes(own.call(ATTESTATION_FISCALE, token=fresh())) == ["03001"]
        flat = own.call(ENTREPRISE_V2, token=fresh())
        assert (len(flat.json()["errors"]), flat.json()["gateway_error"]) == (1, True)
        assert "INSEE est indisponible" in flat.json()["errors"][0]


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    """A provider whose name does not resolve is 502 PP004."""
    with started(tmp_path, upstream="http://nosuch.invalid", upstream_timeout="25") as own:
        response = own.call(token=fresh())
    assert (response.status_code, codes(response)) == (502, ["01004"])
    assert response.json()["errors"][0]["meta"] == {"provider": "INSEE", "retry_in": 10}


@pytest.mark.parametrize(
    "handler",
    [
        hang,
        _drip,
        always(b"HTTP/1.1 200 OK\r\n"),
        always(_head(10)),
        always(_head(100) + b"{"),
        always(_head() + b"1\r\n{"),
    ],
    ids=["silence", "drip", "half a head", "no body", "half a body", "half a chunk"],
)
def test_a_slow_provider(hasty: Site, handler: Handler) -> None:
    """A provider that is not done by the deadline is 504 PP002, also if it sends a byte now and then."""
    hasty.provider.handler = handler
    response = hasty.call(token=fresh())
    assert (response.status_code, codes(response)) == (504, ["01002"])
    assert response.json()["errors"][0]["title"] == "Intermédiaire hors-délai"


NETWORK: dict[str, Handler] = {
    "closed without a byte": _closing(b""),
    "reset without a byte": _closing(b"", reset=True),
    "short head": _closing(b"HTTP/1.1 200 OK\r\ncontent-ty"),
    "no body": _closing(_head(100)),
    "short body": _closing(_head(100) + b'{"data":'),
    "cut chunked body": _closing(_head() + b'8\r\n{"data":\r\n'),
    "cut chunk": _closing(_head() + b'20\r\n{"data":'),
}


@pytest.mark.parametrize("name", NETWORK)
@pytest.mark.parametrize("used_before", [False, True], ids=["fresh", "used"])
def test_network_trouble(site: Site, name: str, used_before: bool) -> None:
    """A connection that ends before the answer does is 502 00501, which may be tried again after 10 s."""
    token = fresh()
    if used_before:
        assert site.call(token=token).status_code == 200
    site.provider.handler = NETWORK[name]
    response = site.call(token=token)
    assert (response.status_code, codes(response)) == (502, ["00501"])
    assert response.json()["errors"][0]["meta"] == {"retry_in": 10}
    site.provider.handler = GOOD
    assert site.call(token=token).status_code == 200


UNEXPECTED = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "HTML": answer(b"<html>Bienvenue</html>", content_type="text/html"),
    "JSON called HTML": answer(GOOD_BODY, content_type="text/html"),
    "no content type": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(GOOD_BODY) + GOOD_BODY,
    "a content type beyond ASCII": answer(GOOD_BODY, content_type="text/html; charset=é"),
    "cut JSON": answer(GOOD_BODY[:-3]),
    "JSON beyond UTF-8": answer(b'{"data":"\xff","links":{},"meta":{}}'),
    "not a number": answer(b'{"data":NaN,"links":{},"meta":{}}'),
    "endless nesting": answer(b'{"data":' + b"[" * 100_000),
    "an empty body": answer(b""),
    "an array": answer(b"[]"),
    "a text": answer(b'"data"'),
    "another object": answer(b'{"message":"ok"}'),
    "errors with 200": answer(OWN_FORM),
    "wrong gzip": answer(b"\x1f\x8b" + GOOD_BODY).replace(b"\r\n", b"\r\ncontent-encoding: gzip\r\n", 1),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "302": b"HTTP/1.1 302 Found\r\nlocation: https://ailleurs.invalid/\r\ncontent-length: 0\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "400": answer(b"{}", status=400),
    "418": answer(b"teapot", status=418, content_type="text/plain"),
    "501": answer(b"{}", status=501),
    "999": answer(b"{}", status=999),
}


@pytest.mark.parametrize("name", UNEXPECTED)
def test_an_answer_that_is_not_what_was_promised(site: Site, name: str) -> None:
    """An answer that the endpoint does not promise is 502 PP999, and the next call is answered."""
    site.provider.handler = always(UNEXPECTED[name])
    response = site.call(token=fresh())
    assert (response.status_code, codes(response)) == (502, ["01999"])
    assert response.json()["errors"][0]["meta"] == {"provider": "INSEE"}
    site.provider.handler = GOOD
    assert site.call(token=fresh()).status_code == 200


@pytest.mark.parametrize("body", [b"[]", b"", b"null", b"{", b"<html/>"])
def test_a_v2_answer_must_be_an_object(site: Site, body: bytes) -> None:
    """A v2 endpoint passes on any JSON object, and nothing else."""
    site.provider.handler = always(answer(b'{"anything":1}'))
    response = site.call(ENTREPRISE_V2, token=fresh())
    assert (response.status_code, response.json()) == (200, {"anything": 1})
    site.provider.handler = always(answer(body))
    assert site.call(ENTREPRISE_V2, token=fresh()).status_code == 502


@pytest.mark.parametrize(
    ("path", "given", "status", "code"),
    [
        (ATTESTATION_FISCALE, 401, 502, "03006"),
        (ATTESTATION_FISCALE, 403, 502, "03006"),
        (ATTESTATION_FISCALE, 404, 404, "03003"),
        (ATTESTATION_FISCALE, 429, 502, "03008"),
        (ATTESTATION_FISCALE, 451, 451, "03005"),
        (ATTESTATION_FISCALE, 500, 502, "03000"),
        (ATTESTATION_FISCALE, 503, 502, "03001"),
        (ATTESTATION_FISCALE, 504, 502, "03001"),
        (UNITE_LEGALE, 401, 502, "01006"),
        (UNITE_LEGALE, 403, 451, "01005"),
        (UNITE_LEGALE, 404, 404, "01003"),
        (UNITE_LEGALE, 451, 451, "01005"),
    ],
)
def test_statuses_of_providers(site: Site, path: str, given: int, status: int, code: str) -> None:
    """Each status of a provider becomes the published code, and `meta` names the provider."""
    site.provider.handler = always(answer(b'{"message":"ORA-00942"}', status=given))
    response = site.call(path, token=fresh())
    assert (response.status_code, codes(response)) == (status, [code])
    name = "INSEE" if path == UNITE_LEGALE else "DGFIP - Adélie"
    wait = {"retry_in": 10} if code == "03001" else {}
    assert response.json()["errors"][0]["meta"] == {"provider": name} | wait
    assert "ORA-00942" not in response.text, "a provider's own words are not the caller's business"


@pytest.mark.parametrize("status", [404, 409, 422, 451, 502, 503])
def test_errors_in_our_form_are_passed_on(site: Site, status: int) -> None:
    """An error that is in our form already reaches a v3+ caller byte for byte, and a v2 caller as text."""
    site.provider.handler = always(answer(OWN_FORM, status=status))
    token = fresh()
    response = site.call(ATTESTATION_FISCALE, token=token)
    assert (response.status_code, response.content) == (status, OWN_FORM)
    response = site.call(ATTESTATION_FISCALE_V2, token=token)
    assert (response.status_code, response.json()) == (status, {"errors": ["Un texte."]})


@pytest.mark.parametrize(
    ("code", "given", "status"),
    [
        ("03002", 504, 504),
        ("03002", 502, 504),
        ("03001", 504, 502),
        ("03001", 503, 502),
        ("03004", 504, 502),
        ("00501", 504, 502),
        ("03042", 504, 502),
        ("03501", 504, 502),
        ("03020", 503, 503),
    ],
)
def test_504_is_for_a_deadline_that_passed(site: Site, code: str, given: int, status: int) -> None:
    """What a provider words itself has the status of its kind: 504 if a deadline passed, 502 for an outage."""
    error = {"code": code, "title": "Titre", "detail": "Un texte.", "meta": {"provider": "DGFIP - Adélie"}}
    site.provider.handler = always(answer(orjson.dumps({"errors": [error]}), status=given))
    token = fresh()
    response = site.call(ATTESTATION_FISCALE, token=token)
    assert (response.status_code, codes(response)) == (status, [code])
    (found,) = response.json()["errors"]
    wait = {"retry_in": 10} if code in {"03001", "03004", "00501"} else {}
    assert found == error | {"meta": {"provider": "DGFIP - Adélie"} | wait}
    assert site.call(ATTESTATION_FISCALE_V2, token=token).status_code == status


@pytest.mark.parametrize("status", [401, 403, 429])
def test_what_concerns_the_gateway_alone_is_not_passed_on(site: Site, status: int) -> None:
    """A provider that refuses the gateway does not make the caller think that its own token is refused."""
    site.provider.handler = always(answer(OWN_FORM, status=status))
    assert site.call(ATTESTATION_FISCALE, token=fresh()).status_code == 502


@pytest.mark.parametrize(
    "body",
    [
        b'{"errors":[]}',
        b'{"errors":"x"}',
        b'{"errors":["x"]}',
        b'{"errors":[{"code":1,"title":"t","detail":"d"}]}',
        b'{"errors":[{"code":"03042"}]}',
        b'{"errors":[{"code":"03042","title":"t","detail":"d"}, 7]}',
    ],
)
def test_errors_in_almost_our_form_are_not(site: Site, body: bytes) -> None:
    """An error body that is not quite in our form is read by its status."""
    site.provider.handler = always(answer(body, status=404))
    assert codes(site.call(ATTESTATION_FISCALE, token=fresh())) == ["03003"]


def test_codes_of_providers_do_not_grow_the_metrics(site: Site) -> None:
    """A provider that invents codes does not add a time series for each."""
    token = fresh()
    site.call(UNITE_LEGALE, token=token)  # the first call of an endpoint adds its own
    before = len(site.client.get(site.program.url + "/metrics").text.splitlines())
    for number in range(40):
        invented = OWN_FORM.replace(b"03042", b"invented-%d" % (number + 1000))
        site.provider.handler = always(answer(invented, status=404))
        site.call(UNITE_LEGALE, token=token)
    after = len(site.client.get(site.program.url + "/metrics").text.splitlines())
    assert after - before < 20


def test_a_stale_connection_is_replaced_unseen(site: Site) -> None:
    """A kept connection that the provider closes as it is used again costs the caller nothing."""

    class OncePerConnection:
        def __init__(self) -> None:
            self.seen: set[int] = set()

        async def __call__(self, _target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if id(writer) in self.seen:
                writer.close()
            else:
                self.seen.add(id(writer))
                self.kept = writer
                writer.write(answer(GOOD_BODY))

    token = fresh()
    for _ in range(8):  # use up what other tests left
        site.provider.handler = _closing(answer(GOOD_BODY))
        site.call(token=token)
    site.provider.handler = OncePerConnection()
    assert site.call(token=token).status_code == 200
    site.provider.requests.clear()
    opened = site.provider.connections
    assert site.call(token=token).status_code == 200
    assert len(site.provider.requests) == 2, "once in vain, once more"
    assert site.provider.connections == opened + 1


def test_a_fresh_connection_that_is_closed_is_not_tried_again(tmp_path: Path) -> None:
    """The one retry is for a kept connection: a provider that closes a fresh one has seen the call."""
    closing = answer(GOOD_BODY).replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
    with started(tmp_path, _closing(closing)) as own:
        assert own.call(token=fresh()).status_code == 200
        own.provider.requests.clear()
        own.provider.handler = _closing(b"")
        assert own.call(token=fresh()).status_code == 502
        assert len(own.provider.requests) == 1


def test_a_slow_provider_does_not_delay_another(site: Site) -> None:
    """While many calls wait for one provider, those to another are answered."""
    gate = Gate()

    async def insee_hangs(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (gate if "insee" in target else GOOD)(target, reader, writer)

    site.provider.handler = insee_hangs
    with site.in_background(lambda: site.call(token=fresh())) as waiting:
        assert gate.arrived.wait(LONG)
        for _ in range(5):
            assert site.call(EXTRAIT_RCS, token=fresh()).status_code == 200
        assert not waiting.done()
        gate.opened.set()
    assert waiting.result().status_code == 200
