"""Personal data: whoever a gateway is asked about, and however, nothing that it puts out says so.

One gateway is called in all ways, with a provider that repeats what it was asked wherever it can. Then everything that
has come out of it is read: lines, logs, metrics, spans, files, what Redis holds and was asked, answers with errors.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode, Meaning
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from support import france_connect, programs, stores
from support.collector import Collector
from support.configuration import hang_up
from support.fleet import Gateway, gateway
from support.identities import NAME, SPOKEN, query_of, traces_in
from support.serving import serving
from support.site import fresh, hang, scrape
from support.stores import Server, until
from support.stub import Handler, Stub, answer, stub
from support.wire import Answer, wire

RECIPIENT = "13002526500013"
SCOPES = sorted({scope for endpoint in PARTICULIER.endpoints for scope in endpoint.scopes})
CALLED = [
    endpoint
    for endpoint in PARTICULIER.endpoints
    if endpoint.person is not None and endpoint.person.mode is not CallMode.FRANCE_CONNECT
]
QUOTIENT = next(endpoint for endpoint in CALLED if endpoint.path == "/v3/dss/quotient_familial/identite")
QUOTIENT_V2 = next(endpoint for endpoint in CALLED if endpoint.path == "/api/v2/composition-familiale-v2")
OF_SANDBOX = [endpoint for endpoint in CALLED if "/sdh/" in endpoint.path]
KEY, FIRST, SECOND, THIRD = "5e" * 32, "7d" * 32, "9c" * 32, "b3" * 32


def token(**claims: Any) -> str:
    """A token for all of the product that no other call has."""
    return fresh(scopes=SCOPES, **claims)


def asked(endpoint: Endpoint, query: list[tuple[str, str]] | None = None, **more: str) -> str:
    """The target of a call about the person."""
    return f"{endpoint.path}?{urlencode([*(query_of(endpoint) if query is None else query), *more.items()])}"


# A provider that repeats what it was asked.


def repeated(status: int, form: Callable[[str], Any], **options: Any) -> Handler:
    """A handler that answers with a form of what it was asked, in JSON unless it is bytes."""

    async def handler(target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = form(unquote(target))
        writer.write(answer(body if isinstance(body, bytes) else json.dumps(body).encode(), status=status, **options))

    return handler


def raw(form: Callable[[str], bytes], *, closes: bool = True) -> Handler:
    """A handler that answers with bytes that are no right answer."""

    async def handler(target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(form(target))
        if closes:
            writer.close()

    return handler


def good(target: str) -> Any:
    """The body of a success that repeats what was asked, in fields that are known and unknown."""
    data = {"identite": {"nom_naissance": target}, "quotient_familial": {"valeur": target}, target: target}
    return data if target.startswith("/api/v2") else {"data": data, "links": {"self": target}, "meta": {target: 1}}


def error(code: str) -> Callable[[str], Any]:
    """The body of an error in our form that repeats what was asked wherever it can."""
    return lambda target: {
        "errors": [
            {"code": code, "title": target, "detail": target, "source": {"parameter": target}, "meta": {"x": target}}
        ]
    }


FAULTS: dict[str, Handler] = {
    "not found": repeated(404, error("35003")),
    "its own error": repeated(404, error("23003")),
    "refused": repeated(422, error("00355")),
    "an error of nobody": repeated(422, error("99999")),
    "several": repeated(409, error("35015")),
    "failing": repeated(500, lambda target: target.encode(), content_type="text/html"),
    "down": repeated(502, error("35001")),
    "late": repeated(504, error("35002")),
    "too often": repeated(429, lambda target: {"message": target}),
    "not let in": repeated(401, lambda target: {"message": target}),
    "no JSON": repeated(200, lambda target: target.encode()),
    "not what is promised": repeated(200, lambda target: [target]),
    "nothing in it": repeated(200, lambda _: {"data": None, "links": {}, "meta": {}}),
    "another type": repeated(200, lambda target: target.encode(), content_type=quote(NAME)),
    "elsewhere": raw(lambda target: f"HTTP/1.1 302 X\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()),
    "no HTTP": raw(lambda target: f"{target}\r\n\r\n".encode()),
    "a wrong line": raw(lambda target: f"HTTP/1.1 200 OK\r\n{target}\r\n\r\n".encode()),
    "a wrong status": raw(lambda target: f"HTTP/1.1 {target}\r\n\r\n".encode()),
    "a wrong length": raw(lambda target: f"HTTP/1.1 200 OK\r\ncontent-length: {target}\r\n\r\n".encode()),
    "a wrong chunk": raw(lambda target: f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{target}\r\n".encode()),
    "cut": raw(lambda target: f"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{target}".encode()),
    "a wrong coding": raw(
        lambda target: f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n{target}".encode()
    ),
    "gone": raw(lambda _: b""),
}


HEADERS = (
    f"X-Request-Id: {NAME} {NAME}",
    *(
        f"{name}: {NAME}"
        for name in ("traceparent", "Cookie", "User-Agent", "X-Forwarded-For", "Cache-Control", "Range")
    ),
    *(f"{name}: {NAME}" for name in ("Authorization", "X-Api-Key", "Accept-Encoding", "Forwarded", "If-None-Match")),
    f"tracestate: {NAME}={NAME}",
    f"Referer: https://ville.example/?nomNaissance={quote(NAME)}",
    f"Authorization: Bearer {NAME}",
    f"{quote(NAME)}: x",
    f"no colon {NAME}",
)

# The calls.


@dataclass
class Busy:
    """A gateway that is called about the person, and what has come out of it."""

    member: Gateway
    provider: Stub
    answers: list[Answer] = field(default_factory=list)
    count: int = 0
    """Calls made."""

    def call(self, target: str | bytes, *lines: str, method: str = "GET", body: bytes = b"", given: str = "") -> Answer:
        """Make a call with these header lines, on a connection of its own; `given` is another token."""
        target = target if isinstance(target, bytes) else target.encode()
        brings_own = any(line.startswith(("Authorization", "X-Api-Key")) for line in lines)
        head = [] if brings_own else [f"X-Api-Key: {given or token()}"]
        text = "\r\n".join([*head, *lines, "Host: test", *([f"Content-Length: {len(body)}"] if body else []), "", ""])
        with wire(self.member.port) as line:
            line.send(method.encode() + b" " + target + b" HTTP/1.1\r\n" + text.encode() + body)
            found = line.answer(method=method)
        self.answers.append(found)
        self.count += 1
        return found


def call_rightly(busy: Busy) -> None:
    """Call every operation about the person, by every kind of call."""
    busy.provider.handler = repeated(200, good)
    for endpoint in CALLED:
        target = asked(endpoint, recipient=RECIPIENT)
        # The sandbox, which stands in for one provider, does not know the person.
        expected = 404 if endpoint in OF_SANDBOX else 200
        assert busy.call(target).status == expected, endpoint.path
        assert busy.call(target, method="HEAD", given=fresh(scopes=endpoint.scopes[:1])).status == expected
    assert busy.call(asked(QUOTIENT, recipient=RECIPIENT)).headers["x-response-cached"] == "true"
    assert busy.call(asked(QUOTIENT, recipient=RECIPIENT), f"Authorization: Bearer {token()}").status == 200
    assert busy.call(asked(QUOTIENT_V2, token=token()), "X-Api-Key:").status == 200
    double = "".join(f"%{byte:02x}" for byte in NAME.encode())
    for written in (quote(NAME).lower(), double, quote(NAME.upper()), f"+{quote(NAME)}++"):
        assert busy.call(asked(QUOTIENT, recipient=RECIPIENT).replace(quote(NAME), written)).status == 200, written
    absolute = f"http://test{asked(QUOTIENT, recipient=RECIPIENT)}"
    assert busy.call(absolute).status == 200


def call_wrongly(busy: Busy) -> None:
    """Make calls about the person that are refused."""
    right = asked(QUOTIENT, recipient=RECIPIENT)
    for endpoint in CALLED:
        wrong = [(name, f"{value}\x01{NAME}") for name, value in query_of(endpoint)]
        found = busy.call(asked(endpoint, wrong, recipient=RECIPIENT))
        assert found.status == (400 if endpoint.flat else 422), endpoint.path
        busy.call(asked(endpoint, [(f"{name}[]", value) for name, value in wrong], recipient=RECIPIENT))
        assert busy.call(asked(endpoint, recipient=NAME)).status in (400, 422)
    for value in (
        NAME * 20,
        "%ff" + quote(NAME),
        quote(quote(NAME)),
        "%F0%9F%98%80" + quote(NAME),
        quote(NAME) + "%00",
    ):
        busy.call(right.replace(quote(NAME), value))
    for given in (NAME.encode().hex(), fresh(scopes=["other"]), fresh(exp=1), fresh(sub=NAME, scopes=[NAME]), "x." * 3):
        assert busy.call(right, given=given).status in (401, 403)
    assert busy.call(asked(QUOTIENT)).status == 422
    assert busy.call(asked(QUOTIENT, recipient=NAME), given="no token").status == 401
    for name in ("context", "object", "user_id", "token", "X-Api-Key", NAME):
        busy.call(f"{right}&{quote(name)}={quote(NAME)}")


def call_elsewhere(busy: Busy) -> None:
    """Make calls with the person's name where none belongs: in paths, bodies, raw bytes, header lines."""
    right, query = asked(QUOTIENT, recipient=RECIPIENT), urlencode(query_of(QUOTIENT))
    for start in ("/v3/dss", "", "/api/v2", "/documents", "/ping", "/api", QUOTIENT.path):
        for method in ("GET", "HEAD"):
            busy.call(f"{start}/{quote(NAME)}?{query}", method=method)
    for path in ("/api/caf/famille", "/errors", "/docs", "/privileges", "/api/introspect", "/metrics", "/"):
        busy.call(f"{path}?operation_id={quote(NAME)}&{query}")
    for method in ("POST", "PUT", "OPTIONS", "DELETE", "TRACE"):
        busy.call(right, method=method, body=urlencode(query_of(QUOTIENT)).encode())
    bad = right.replace(quote(NAME), NAME)
    for target in (bad.encode(), bad.encode("latin-1"), b"*" + right.encode(), f"{right}&x={'a' * 20_000}".encode()):
        busy.call(target)
    # What is a right request id is taken over, as callers are told: nobody is named in these.
    for line in HEADERS:
        busy.call(right, line)


def call_in_trouble(busy: Busy) -> None:
    """Call while the provider is in trouble, and leave in the middle of calls."""
    for name, handler in FAULTS.items():
        busy.provider.handler = handler
        for endpoint in (QUOTIENT, QUOTIENT_V2):
            status = busy.call(asked(endpoint, recipient=RECIPIENT), "Cache-Control: no-cache").status
            assert status != 422 or name == "refused"
            assert (status == 200) == (name == "nothing in it"), f"{name}: {status}"
    busy.provider.handler = hang
    target, same = asked(QUOTIENT, recipient=RECIPIENT, annee="2024"), token()
    with wire(busy.member.port) as line:
        line.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {same}\r\n\r\n".encode())
        until(lambda: busy.member.metrics()["gateway_in_flight"] == 1, "the call is not under way")
        assert busy.call(target, given=same).status == 409
    until(lambda: bool(busy.member.access_lines(event="abandoned")), "the call is not given up")
    assert busy.call(target).status == 504
    with wire(busy.member.port) as line:
        line.send(f"GET {target[:60]}".encode())


# FranceConnect, which says who the person is.

IDENTITY = {
    "sub": f"{NAME}-sub",
    "family_name": NAME,
    "given_name": " ".join(SPOKEN[Meaning.FIRST_NAMES]),
    "birthdate": SPOKEN[Meaning.BIRTH_DATE][0],
    "preferred_username": SPOKEN[Meaning.USED_NAME][0],
    "scope": " ".join(SCOPES),
}
BY_TOKEN = [endpoint for endpoint in PARTICULIER.endpoints if endpoint.person and endpoint.person.france_connect]
_SAID = json.dumps(IDENTITY).encode()
INTROSPECTIONS: dict[str, tuple[Callable[[], bytes], str]] = {
    "incomplete": (lambda: answer(france_connect.introspection(**IDENTITY | {"birthplace": None})), "50003"),
    "wrong-date": (lambda: answer(france_connect.introspection(**IDENTITY | {"birthdate": NAME})), "50003"),
    "ended": (lambda: answer(france_connect.introspection(**IDENTITY | {"exp": 1})), "50002"),
    "without-token": (lambda: answer(france_connect.introspection(**IDENTITY | {"active": NAME})), "51999"),
    "not-signed": (lambda: answer(france_connect.encrypted(_SAID)), "51999"),
    "not-encrypted": (lambda: answer(_SAID), "51999"),
    "refused": (lambda: answer(_SAID, status=400), "50001"),
    "failing": (lambda: answer(_SAID, status=500), "51000"),
    "no-http": (lambda: _SAID + b"\r\n\r\n", "51999"),
}
"""What it answers to each token when it is asked, and what a call gets."""


def introspected(token: str) -> bytes:
    """The raw answer to a token; any that is not in the table is in force, at a service of its own."""
    known = INTROSPECTIONS.get(token)
    return answer(france_connect.introspection(**IDENTITY, aud=token)) if known is None else known[0]()


def call_by_token(busy: Busy) -> None:
    """Call by access tokens of FranceConnect, in every way in which they may be good or not."""
    busy.provider.handler = repeated(200, good)
    for number, endpoint in enumerate(BY_TOKEN):
        found = busy.call(asked(endpoint, recipient=RECIPIENT), f"Authorization: Bearer right-{number}")
        assert found.status == 200, endpoint.path
    path = QUOTIENT.path.replace("identite", "france_connect")
    for name, (_, code) in INTROSPECTIONS.items():
        found = busy.call(f"{path}?recipient={RECIPIENT}", f"Authorization: Bearer {name}")
        assert code in found.body.decode(), name
    busy.provider.handler = FAULTS["refused"]
    for more in ("", "&annee=1900", f"&annee={quote(NAME)}"):
        busy.call(f"{path}?recipient={RECIPIENT}{more}", "Authorization: Bearer right", "Cache-Control: no-cache")
    busy.call(path, "Authorization: Bearer right")
    busy.call(f"{path}?recipient={quote(NAME)}", "Authorization: Bearer right")


def held_by(store: Server) -> bytes:
    """Everything that a store holds, and the commands that it was given."""
    reading = {b"string": ("GET",), b"hash": ("HGETALL",), b"set": ("SMEMBERS",), b"list": ("LRANGE", 0, -1)}
    reading[b"zset"] = ("ZRANGE", 0, -1)
    found = [store.command("SLOWLOG", "GET", -1)]
    for name in store.command("KEYS", "*"):
        found.append(name)
        kind = store.command("TYPE", name)
        if kind != b"none":  # a window that has ended meanwhile
            word, *more = reading[kind]
            found.append(store.command(word, name, *more))
    return _flat(found)


def _flat(value: Any) -> bytes:
    """The texts in a value, one after the other."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set):
        return b"\n".join(map(_flat, value))
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """What has come out of a gateway that was called about the person, by where it came out."""
    folder, collector = tmp_path_factory.mktemp("busy"), Collector()
    with (
        stub(repeated(200, good)) as provider,
        programs.sandbox(folder) as sandbox,
        stores.server(folder, stores.valkey_server()) as store,
        serving(collector.serve) as port,
        stub(france_connect.introspecting(introspected)) as introspection,
    ):
        store.command("CONFIG", "SET", "slowlog-log-slower-than", 0, "slowlog-max-len", 100_000)
        with gateway(
            folder,
            upstream=provider.url,
            **france_connect.settings_in(folder, url=introspection.url),
            providers__sdh__base_url=sandbox.url,
            redis_url=store.url,
            cache="redis",
            cache_keys=FIRST,
            pseudonym_key=KEY,
            documents=str(folder / "documents"),
            duplicates="refuse",
            breaker="off",
            upstream_timeout="2",
            validate_upstream="all",
            log_level="DEBUG",
            traces_url=f"http://127.0.0.1:{port}/v1/traces",
            traces_share="1",
        ) as member:
            busy = Busy(member, provider)
            call_rightly(busy)
            call_wrongly(busy)
            call_elsewhere(busy)
            call_in_trouble(busy)
            call_by_token(busy)
            held = held_by(store)
            metrics = scrape(member.url).encode()
            assert member.stop() == 0
        sent = "".join(provider.requests).encode()
        files = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        yield {
            "requests to the provider": sent,
            "access lines": member.output.read_bytes(),
            "log": member.errors.read_bytes(),
            "metrics": metrics,
            "Redis": held,
            "spans": str(collector.spans).encode(),
            "files": files,
            "sandbox": sandbox.output.read_bytes() + sandbox.errors.read_bytes(),
            "errors": b"\n".join(each.body for each in busy.answers if each.status >= 300),
            "heads of answers": b"\n".join(_flat(each.headers) for each in busy.answers),
        }


def test_the_provider_was_asked_about_the_person(outputs: dict[str, bytes]) -> None:
    """What is looked for was sent, and is found where it has to be."""
    sent = outputs["requests to the provider"]
    assert {
        "zwyxor",
        "quimphelie",
        "vrombiquet",
        "9876543210Z",
        "7418529",
        "quimphelie_zwyxor",
        "naissance",
    } <= traces_in(sent)


@pytest.mark.parametrize(
    "where", ["access lines", "log", "metrics", "Redis", "spans", "files", "sandbox", "errors", "heads of answers"]
)
def test_nothing_says_who_was_asked_about(outputs: dict[str, bytes], where: str) -> None:
    """Nothing of the person stands there, in whatever form; errors name parameters, and no value."""
    assert outputs[where]
    assert not traces_in(outputs[where], queries=where != "errors")


def test_every_output_was_in_use(outputs: dict[str, bytes]) -> None:
    """Lines have digests, faults were logged, answers were kept, and spans were sent."""
    lines = [json.loads(line) for line in outputs["access lines"].splitlines()]
    digests = {line["identifier"] for line in lines if line["status"] == 200}
    assert len(digests) > 4
    assert all(len(digest or "") == 64 for digest in digests)
    assert b"upstream_deviation" in outputs["log"]
    assert b"gwc:" in outputs["Redis"]
    assert b'result="hit"' in outputs["metrics"]
    assert len(outputs["spans"]) > 10_000


def test_keys_of_the_cache_rotate(tmp_path: Path, store: Server) -> None:
    """A new key is put in front while answers of the old one are still given; without that one they are asked anew."""
    ring = tmp_path / "ring"
    ring.write_text(FIRST)
    right = asked(QUOTIENT, recipient=RECIPIENT)
    targets = [right.replace(quote(NAME), quote(f"{NAME} {letter}")) for letter in "ABC"]
    with (
        stub(repeated(200, good)) as provider,
        gateway(
            tmp_path,
            upstream=provider.url,
            redis_url=store.url,
            cache="redis",
            cache_keys=json.dumps({"file": str(ring)}),
            pseudonym_key=KEY,
        ) as member,
    ):
        busy = Busy(member, provider)

        def are_kept() -> bool:
            return {busy.call(target).headers["x-response-cached"] for target in targets} == {"true"}

        until(are_kept, "the answers are not kept")
        ring.write_text(f"{SECOND},{FIRST}")
        hang_up(member)
        until(are_kept, "answers of the old key are not given")
        assert member.metrics()["gateway_cache_unopened_total"] == 0
        asked_so_far = len(provider.requests)
        ring.write_text(THIRD)
        hang_up(member)
        until(are_kept, "answers of the new key are not kept")
        assert len(provider.requests) > asked_so_far
        until(lambda: member.metrics()["gateway_cache_unopened_total"] >= 1, "none is counted")
        assert FIRST not in member.errors.read_text()
