"""Readers of what comes from outside, each with the law that it keeps: any bytes are an answer or a coded refusal."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

import httptools
import orjson
from jwt import PyJWS

from apientreprise_gateway.auth.france_connect import claims as claims_of_access_tokens
from apientreprise_gateway.auth.france_connect.faults import UnusableAnswerError
from apientreprise_gateway.auth.keys import KeyRing, secret_keys
from apientreprise_gateway.auth.token import TokenVerifier, token_reader
from apientreprise_gateway.contract import query
from apientreprise_gateway.contract.error_forms import OBJECTS
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.passing import TokenPassing
from apientreprise_gateway.contract.person import families
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.contract.person.pivot import written
from apientreprise_gateway.contract.routes import Route, Routes
from apientreprise_gateway.documents.extract import Extractor, NotJsonError, decode
from apientreprise_gateway.documents.files import FileFault, Memory
from apientreprise_gateway.documents.links import read_path
from apientreprise_gateway.documents.ranges import UnsatisfiableError, read_range
from apientreprise_gateway.net.addresses import networks
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.net.client_ip import ClientIp, counted, parse
from apientreprise_gateway.providers.dossier import choose
from apientreprise_gateway.providers.entreprise.dossier import DOSSIER
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS
from apientreprise_gateway.providers.product import Versions
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.server.application import ConnectionHooks, Respond
from apientreprise_gateway.server.heads import MAX_HEADERS
from apientreprise_gateway.server.protocol import GatewayProtocol
from apientreprise_gateway.server.request_parser import split_target
from apientreprise_gateway.server.state import State
from apientreprise_gateway.server.uvicorn_server import config
from apientreprise_gateway.upstream.connection import Connection
from apientreprise_gateway.upstream.faults import CallError
from apientreprise_gateway.upstream.file_hosts import BadAddressError, FileHosts
from apientreprise_gateway.upstream.reading import OUTLINER, read, trouble
from apientreprise_gateway.upstream.response import Response

Target = Callable[[bytes], bool]
"""Reads some bytes; whether they were accepted. Whatever else it raises is a crash."""

_SECRET: Final = "a-secret-for-fuzzing-that-is-long-enough-to-be-accepted"
_VERIFIER: Final = TokenVerifier(KeyRing(secret_keys([_SECRET])))
_SIGNER: Final = PyJWS()
_WANTED: Final = frozenset({"context", "object", "recipient", "user_id", "token"})
_ENVELOPE: Final = ("data", "links", "meta")
_TODAY: Final = date(2026, 11, 28)
_TOKEN_OF: Final = token_reader(TokenPassing())
_VERSIONS: Final = Versions(PRODUCTS)
_ROUTES: Final = Routes(PROVIDERS)
_BY_NAME: Final[Mapping[str, Route]] = {route.endpoint.operation: route for route in _ROUTES}
_READERS: Final = tuple(
    _BY_NAME[name]
    for name in (
        "api_entreprise_v4_insee_unites_legales",
        "api_entreprise_v2_attestations_agefiph",
        "api_entreprise_v2_certificats_agence_bio",
        "api_entreprise_v2_entreprises_restored",
    )
)
_RESOURCES: Final = DOSSIER.resources_of(route.endpoint for route in _ROUTES)
_BEHIND_A_PROXY: Final = ClientIp(trusted_proxies=networks(["10.0.0.0/8", "fd00::/8"]))
_FILES: Final = FileHosts("https://provider.example/base", hosts=["files.example"], timeout=1)
_OURS: Final = frozenset({"provider.example", "files.example"})


def token(data: bytes) -> bool:
    """The text of a token, whoever wrote it."""
    return _verified(_TOKEN_OF({b"authorization": b"Bearer " + data}, {}))


def claims(data: bytes) -> bool:
    """What stands in a token that we have signed ourselves."""
    return _verified(_SIGNER.encode(data, _SECRET, algorithm="HS256"))


def _verified(text: str | None) -> bool:
    try:
        found = _VERIFIER.verify(text)
    except Refusal as refusal:
        assert refusal.status == 401  # noqa: PT017 - part of the law
        return False
    orjson.dumps([found.jti, found.uid, found.subject, sorted(found.scopes)])
    return True


def parameters(data: bytes) -> bool:
    """A query string."""
    found = query.read(data, _WANTED)
    assert found.keys() <= _WANTED
    orjson.dumps(found)  # as an access line does
    return bool(found)


def identity(data: bytes) -> bool:
    """A query that says whom it is about: what is accepted is read again as the same, and no error repeats a value."""
    accepted = False
    for rules in (families.QUOTIENT, families.MEN, families.CNOUS_V2, families.CNAF_V2, families.ANTS):
        found = rules.read(query.read_all(data, rules.names), _TODAY)
        if not isinstance(found, Asked):
            assert all(fault.code.isdigit() and fault.parameter in rules.names for fault in found)
            continue
        accepted = True
        again = query.read_all(urlencode(found.parameters).encode(), rules.names)
        assert rules.read(again, _TODAY) == found
    return accepted


def introspection(data: bytes) -> bool:
    """What FranceConnect says of an access token, once it is decrypted and its signature verified."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(said, dict):
        return False  # signed claims are an object
    try:
        found = claims_of_access_tokens.read(said, now=0, today=_TODAY)
    except UnusableAnswerError:
        return False
    except Refusal as refusal:
        assert refusal.status == 401  # noqa: PT017 - part of the law
        return False
    person = found.person.identity
    assert person.birth_name
    assert person.first_names
    assert person.birth_commune or person.birth_country != "99100"
    urlencode(written(person, families.PIVOT), errors="strict")
    return True


def path(data: bytes) -> bool:
    """The path of a call."""
    _VERSIONS.of(data)
    found = _ROUTES.find(data)
    if found is None:
        return False
    orjson.dumps(found.values)
    for route in () if found.route is None else (found.route,):
        for parameter, value in zip(route.endpoint.parameters, found.values, strict=True):
            parameter.kind.accepts(value)
    return True


def forwarded(data: bytes) -> bool:
    """`X-Forwarded-For`: whatever it says, a call has an address that can be counted."""
    found = _BEHIND_A_PROXY.of("10.0.0.1", [(b"x-forwarded-for", data)])
    assert parse(found) is not None
    assert counted(found)
    return found != "10.0.0.1"


def ranges(data: bytes) -> bool:
    """`Range`."""
    try:
        found = read_range(data, 1000)
    except UnsatisfiableError:
        return False
    assert found is None or 0 <= found.start < found.stop <= 1000
    return found is not None


def link(data: bytes) -> bool:
    """The path of a document: what is read has one spelling, and leads to no other folder."""
    found = read_path(b"/documents/" + data)
    if found is None:
        return False
    assert found.path.encode() == b"/documents/" + data
    assert found.key.replace("/", "", 1).isalnum()
    return True


def resources(data: bytes) -> bool:
    """`ressources` of a dossier."""
    try:
        return bool(choose(_RESOURCES, query.read(b"ressources=" + data, frozenset({"ressources"})).get("ressources")))
    except Refusal as refusal:
        assert refusal.status == 422  # noqa: PT017 - part of the law
        OBJECTS.render(refusal, None)
        return False


def answer(data: bytes) -> bool:
    """The body of a provider's answer, whatever its status."""
    accepted = False
    for route in _READERS:
        for status in (200, 206, 301, 404, 422, 503, 999):
            response = Response(status, "application/json", data, location=data.decode("latin-1"))
            trouble(route.provider, response)
            try:
                reading = read(route, response)
            except Refusal as refusal:
                assert 400 <= refusal.status < 600  # noqa: PT017 - part of the law
                ENTREPRISE.version_of(route.endpoint).errors.render(refusal, route.endpoint)
            else:
                accepted = accepted or reading.status == 200
                reading.moved_to.encode("ascii")
    return accepted


def outline(data: bytes) -> bool:
    """The same body, looked at without being parsed: what is said of it is what the parser says."""
    found = OUTLINER.has(data, _ENVELOPE)
    assert found is None or found == (orjson.loads(data).keys() >= set(_ENVELOPE))
    return bool(found)


def document(data: bytes) -> bool:
    """An answer with files in base64."""
    try:
        extractor = Extractor(Memory(data), None)
        while extractor.step():
            pass
        for found in extractor.finish().files.values():
            if isinstance(found.content, FileFault):
                return False
            found.content.read(0, found.content.size)
    except (NotJsonError, FileFault):
        return False
    return True


def encoded(data: bytes) -> bool:
    """A file in base64."""
    try:
        decode(data.decode("latin-1"))
    except FileFault:
        return False
    return True


def address(data: bytes) -> bool:
    """The address that a provider gives for a file: it leads to the hosts that are named, in one line, or nowhere."""
    try:
        place = _FILES.locate(data.decode("utf-8", "replace"))
    except BadAddressError:
        return False
    assert place.origin.scheme == "https"
    assert place.origin.host in _OURS
    assert place.target.startswith("/")
    assert place.target.isascii()
    assert place.target.isprintable()
    assert " " not in place.target
    return True


class Wire(asyncio.Transport):
    """A connection to nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember what is written."""
        self.written += bytes(data)

    def close(self) -> None:
        """Close."""
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self.closed

    def get_write_buffer_size(self) -> int:
        """Nothing ever waits."""
        return 0

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """As above."""


def response(data: bytes) -> bool:
    """What a provider sends, head and all, in two pieces: it ends in an answer or in a fault."""

    async def receive() -> bool:
        wire = Wire()
        connection = Connection(1000, 1000)
        connection.connection_made(wire)
        coming = connection.send(b"GET / HTTP/1.1\r\n\r\n", asyncio.get_running_loop().time() + 10)
        half = len(data) // 2
        connection.data_received(data[:half])
        connection.data_received(data[half:])
        connection.eof_received()
        connection.connection_lost(None)
        try:
            received = await asyncio.wait_for(coming, 10)
        except CallError:
            return False
        assert len(received.body) <= 1000
        return True

    return asyncio.run(receive())


class Echo:
    """Answers every call with its target."""

    def __init__(self) -> None:
        self.hooks = ConnectionHooks(takes=lambda _path: True, answer=self.answer)

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Not called."""
        raise AssertionError("all calls are answered directly")

    async def answer(self, scope: Scope, respond: Respond) -> None:
        """Answer; what is handed over has the bounds of a head."""
        names = [name for name, _ in scope["headers"]]
        assert len(names) <= MAX_HEADERS
        assert names.count(b"host") <= 1
        await respond(200, b"", scope["raw_path"] + b"?" + scope["query_string"])


def request(data: bytes) -> bool:
    """What a client sends, in two pieces: only whole answers come back."""

    async def serve() -> bool:
        settings: Any = config(Echo(), host="127.0.0.1", port=0)
        settings.loaded_app = settings.app
        wire, state = Wire(), State()
        protocol = GatewayProtocol(settings, state, {})
        protocol.connection_made(wire)
        half = len(data) // 2
        for piece in (data[:half], data[half:]):
            if not wire.closed:
                protocol.data_received(piece)
            for _ in range(4):
                await asyncio.sleep(0)
        while state.tasks:
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # what is answered is written at the end of the turn
        protocol.connection_lost(None)
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks)
        assert wire.written == b"" or wire.written.startswith(b"HTTP/1.1 ")
        return wire.written.startswith(b"HTTP/1.1 200 ")

    return asyncio.run(serve())


def target(data: bytes) -> bool:
    """The target of a request line: a path, and no host but one that can stand in a header."""
    for method in ("GET", "OPTIONS"):
        try:
            found = split_target(data, method)
        except httptools.HttpParserInvalidURLError:
            return False
        assert found.path[:1] == b"/" or (found.path, method) == (b"*", "OPTIONS")
        assert found.host is None or (found.host.isascii() and found.host.split() == [found.host])
    return True


TARGETS: Final[Mapping[str, Target]] = {
    "token": token,
    "claims": claims,
    "query": parameters,
    "identity": identity,
    "introspection": introspection,
    "path": path,
    "target": target,
    "forwarded": forwarded,
    "range": ranges,
    "link": link,
    "resources": resources,
    "answer": answer,
    "outline": outline,
    "document": document,
    "base64": encoded,
    "address": address,
    "response": response,
    "request": request,
}
