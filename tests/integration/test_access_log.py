"""The access log: one line for every answer, and nothing in it that does not belong there."""

import json
import threading
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import pytest

from support import tokens
from support.programs import TRACE
from support.site import (
    ATTESTATION_FISCALE,
    ENTREPRISE_V2,
    LONG,
    ROOMY,
    UNITE_LEGALE,
    Gate,
    Site,
    fresh,
    wait_until,
)
from support.site import site as started
from support.stub import always, answer
from support.wire import request, wire

FIELDS = {
    "event",
    "time",
    "request_id",
    "product",
    "operation",
    "identifier",
    "jti",
    "client_ip",
    "context",
    "recipient",
    "object",
    "user_id",
    "status",
    "codes",
    "cached",
    "provider_seconds",
    "seconds",
}


def test_a_line_has_every_field(site: Site) -> None:
    """The line of a successful call says who asked what, for whom and why, and how it went."""
    jti = "22222222-2222-4333-8444-555555555555"
    site.call(token=fresh(jti=jti), headers={"X-Request-Id": "whole-line"}, context="Marché à conclure")
    line = site.line("whole-line")
    assert line.keys() >= FIELDS
    moment = datetime.fromisoformat(line.pop("time"))
    assert moment.tzinfo is not None
    assert 0 < line.pop("provider_seconds") <= line.pop("seconds") < LONG
    assert {name: line[name] for name in line if name in FIELDS} == {
        "event": "access",
        "request_id": "whole-line",
        "product": "api_entreprise",
        "operation": "api_entreprise_v4_insee_unites_legales",
        "identifier": "130025265",
        "jti": jti,
        "client_ip": "127.0.0.1",
        "context": "Marché à conclure",
        "recipient": "13002526500013",
        "object": "essai",
        "user_id": "agent-7",
        "status": 200,
        "codes": [],
        "cached": False,
    }


def test_a_refused_call_has_its_line(site: Site) -> None:
    """A call that fails a check is traced with its codes, and without a provider's time."""
    site.call(ATTESTATION_FISCALE, token=fresh(), context=" ", user_id=None, headers={"X-Request-Id": "refused-line"})
    line = site.line("refused-line")
    assert (line["status"], line["codes"]) == (422, ["00201", "00204"])
    assert line["provider_seconds"] is None
    assert line.keys() >= FIELDS


def test_codes_of_a_provider_are_traced(site: Site) -> None:
    """The codes of an error that a provider gave in our form are in the line."""
    site.provider.handler = always(
        answer(b'{"errors":[{"code":"01020","title":"t","detail":"d","meta":{}}]}', status=503)
    )
    site.call(token=fresh(), headers={"X-Request-Id": "passed-on-line"})
    assert site.line("passed-on-line")["codes"] == ["01020"]


def test_lines_equal_answers(tmp_path: Path) -> None:
    """Whatever is answered leaves one line, what is not HTTP included."""
    with started(tmp_path, **ROOMY) as own:
        answered = 0
        token = fresh()
        for path in (UNITE_LEGALE, ENTREPRISE_V2, "/nowhere", "/v9/entreprises/1", UNITE_LEGALE + "1"):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                for given in (token, None, "garbage"):
                    own.call(path, method=method, token=given)
                    answered += 1
        for data in (b"garbage\r\n\r\n", request(headers={"X": "a" * 100_000})):
            with wire(own.program.port) as line:
                line.send(data)
                line.answer()
                answered += 1
        lines = own.lines()
    assert len(lines) == answered
    assert {line["client_ip"] for line in lines} == {"127.0.0.1"}


def test_no_token_anywhere(tmp_path: Path) -> None:
    """A token, good or bad, whole or broken, is never written: not to the logs, not to an answer, not to a metric."""
    secret = "s3cr3t-p4rt"
    good, expired, foreign = fresh(), fresh(exp=1), tokens.token(secret="x" * 40)
    given = [good, expired, foreign, good[:-4], f"{secret}.{secret}.{secret}", secret * 1000, f"a\n{secret}"]
    texts: list[str] = []
    with started(tmp_path, **ROOMY) as own:
        for token in given:
            for path in (UNITE_LEGALE, ENTREPRISE_V2, UNITE_LEGALE + "1", "/nowhere", "/privileges"):
                texts.append(own.call(f"{path}?{urlencode({'token': token})}", token=None).text)
                if "\n" not in token:
                    texts.append(own.call(path, token=token).text)
        for data in (request(path="/%00", query={"token": good}), b"GARBAGE " + request(token=secret)):
            with wire(own.program.port) as line:
                line.send(data)
                texts.append(line.answer().body.decode())
        texts.append(own.client.get(own.program.url + "/metrics").text)
        own.lines()
        assert own.program.stop() == 0
        texts += [own.program.output.read_text(), own.program.errors.read_text()]
    written = "\n".join(texts)
    assert secret not in written
    for token in (good, expired, foreign):
        assert not [part for part in token.split(".")[1:] if part in written]


@pytest.mark.parametrize(
    "text",
    [
        'a"b',
        "a\nb",
        "a\r\n{}",
        "\x1b[31mred\x1b[0m",
        "a\x00b",
        "a\u2028b",
        '","status":200,"x":"',
        "é😀",
        "\\",
        "</script>",
    ],
)
def test_a_line_cannot_be_forged(site: Site, text: str) -> None:
    """Whatever a parameter holds, its line is one line, and says exactly what was given."""
    name = f"forged-{text.encode().hex()}"
    response = site.call(token=fresh(), context=text, headers={"X-Request-Id": name})
    assert response.status_code == 200
    assert site.line(name)["context"] == text
    raw = [line for line in site.program.output.read_bytes().split(b"\n") if name.encode() in line]
    assert len(raw) == 1
    assert not [byte for byte in raw[0] if byte < 0x20]


def test_no_place_of_a_call_forges_a_line(tmp_path: Path) -> None:
    """Line ends and control characters leave one line of JSON per answer, wherever in a call they stand."""
    forged = '"}\r\n{"event":"access","status":200}\n\u2028\u2029\x85\x0b\x0c\x1b[2J\x00\x7f'
    raw = forged.encode()
    within = [raw.replace(b"\r\n", b"").replace(b"\n", b"").replace(b"\x00", b""), b"\x0b\x1b[2J", b"a\rb", b"a\x00b"]
    token = fresh()
    calls = [request(token=token, query=TRACE | {name: forged}) for name in TRACE]
    calls += [request(token=token, path=UNITE_LEGALE + quote(forged)), request(token=token, path="/" + quote(forged))]
    for name in ("X-Request-Id", "User-Agent", "X-Forwarded-For", "Authorization", "traceparent"):
        calls += [request(token=token, headers={name: "MARK"}).replace(b"MARK", each) for each in (raw, *within)]
    calls += [request(token=token, method="GET MARK").replace(b"MARK", each) for each in within]
    with started(tmp_path, trusted_proxies="127.0.0.1", **ROOMY) as own:
        for data in calls:
            with wire(own.program.port) as line:
                line.send(data)
                line.answer()
        lines = own.lines()
        assert own.program.stop() == 0
        assert len(lines) == len(calls)
        assert all("request_id" in line for line in lines)
        for written in (own.program.output.read_bytes(), own.program.errors.read_bytes()):
            assert all(isinstance(json.loads(each), dict) for each in written.split(b"\n")[:-1])
            assert not [byte for byte in written if byte < 0x20 and byte != 0x0A]


def test_a_long_parameter_is_accepted_and_cut(site: Site) -> None:
    """A context of 4000 characters is accepted; its line keeps the start."""
    response = site.call(token=fresh(), context="é" * 2000, headers={"X-Request-Id": "long-context"})
    assert response.status_code == 200
    context = site.line("long-context")["context"]
    assert context.startswith("é" * 200)
    assert len(context) <= 256


def test_an_identifier_that_is_none_is_cut(site: Site) -> None:
    """What stands in place of an identifier is kept to a bounded length, decoded."""
    site.call(UNITE_LEGALE + "%0A" * 1000, token=fresh(), headers={"X-Request-Id": "long-identifier"})
    identifier = site.line("long-identifier")["identifier"]
    assert identifier.startswith("130025265\n")
    assert len(identifier) <= 256


def test_a_file_keeps_the_lines(tmp_path: Path) -> None:
    """With `GATEWAY_ACCESS_LOG` the lines are appended to that file, and standard output has none."""
    kept = tmp_path / "access.jsonl"
    kept.write_text('{"event":"earlier"}\n')
    with started(tmp_path, access_log=str(kept)) as own:
        for _ in range(3):
            own.call(token=fresh())
        assert own.program.stop() == 0
        assert own.program.output.read_bytes() == b""
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["earlier"] + ["access"] * 3


def test_no_answer_is_lost_when_asked_to_stop(tmp_path: Path) -> None:
    """A gateway that is stopped under load ends well, with exactly one line for each answer that a client got."""
    answered: list[str] = []
    enough = threading.Event()

    def calls(url: str, token: str) -> None:
        with httpx.Client(timeout=LONG) as client:
            while True:
                try:
                    response = client.get(url, params=tokens_trace, headers={"Authorization": f"Bearer {token}"})
                except httpx.TransportError:
                    return
                answered.append(response.headers["x-request-id"])
                if len(answered) > 300:
                    enough.set()

    tokens_trace = {"context": "tests", "object": "essai", "recipient": "13002526500013"}
    with started(tmp_path, limit_json="1000000", **ROOMY) as own:
        url = own.program.url + UNITE_LEGALE
        threads = [threading.Thread(target=calls, args=(url, fresh())) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert enough.wait(LONG)
        assert own.program.stop() == 0
        for thread in threads:
            thread.join(LONG)
        lines = own.program.access_lines()
        assert "Traceback" not in own.program.errors.read_text()
    assert sorted(line["request_id"] for line in lines) == sorted(answered)


def test_calls_in_flight_are_answered_before_the_end(tmp_path: Path) -> None:
    """A gateway that is asked to stop waits for the calls that it has begun."""
    gate = Gate()
    with started(tmp_path, gate) as own:
        with own.in_background(lambda: own.call(token=fresh())) as first:
            assert gate.arrived.wait(LONG)
            own.program.process.terminate()
            wait_until(lambda: _refuses(own.program.port))
            gate.opened.set()
        assert first.result().status_code == 200
        assert own.program.stop() == 0
        assert len(own.program.access_lines()) == 1


def _refuses(port: int) -> bool:
    try:
        with wire(port):
            return False
    except ConnectionRefusedError:
        return True
