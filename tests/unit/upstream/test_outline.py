"""The quick look at an answer says nothing that the parser does not say, and changes no outcome."""

import itertools
import subprocess
import sys
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.upstream import reading
from apientreprise_gateway.upstream.reading import MAX_OUTLINED_BYTES as MAX_BYTES
from apientreprise_gateway.upstream.reading import OUTLINE_BUFFERS as BUFFERS
from apientreprise_gateway.upstream.reading import Outliner
from apientreprise_gateway.upstream.response import Response
from fuzz.inputs import inputs

pytest.importorskip("simdjson", reason="there is no simdjson for this Python or machine")
NAMES = ("data", "links", "meta")
ROUTES = {
    endpoint.operation: Route(endpoint, provider)
    for provider in PROVIDERS
    for endpoint in provider.endpoints
    if endpoint.operation
    in (
        "api_entreprise_v4_insee_unites_legales",
        "api_entreprise_v2_attestations_agefiph",
        "api_entreprise_v2_certificats_agence_bio",
    )
}
VALUES = [
    *(
        b"1",
        b"-0",
        b"0",
        b"-",
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"1e5",
        b"1E+5",
        b"1e-400",
        b"1e999",
        b"-1e999",
        b"0x10",
        b"1_0",
    ),
    *(b"1.7976931348623157e308", b"1.7976931348623158e308", b"1.7976931348623159e308", b"0e99999999999999999999"),
    *(b"18446744073709551615", b"18446744073709551616", b"-9223372036854775808", b"-9223372036854775809", b"9" * 400),
    *(b"NaN", b"Infinity", b"-Infinity", b"nan", b"true", b"tru", b"truex", b"null", b"nul", b"True", b"undefined"),
    *(b'"\\ud800"', b'"\\udc00"', b'"\\udc00\\ud800"', b'"\\ud800\\u0041"', b'"\\ud83d\\ude00"', b'"\\u12"', b'"\\x"'),
    *(
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xf4\x90\x80\x80"',
        b'"\xc0\x80"',
        b'"\xe2\x82"',
        b'"\xc3\xa9"',
        b'"\xf0\x9f\x98\x80"',
    ),
    *(
        b'"\x00"',
        b'"\x1f"',
        b'"\n"',
        b'"\x7f"',
        b'"\xc2\x85"',
        b'"\\u0000"',
        b'"\\',
        b'"',
        b"'a'",
        b"",
        b"a",
        b"[1,]",
        b"[,1]",
    ),
    *(b"[" * n + b"]" * n for n in (1, 1021, 1022, 1023, 1024, 1025, 5000)),
    *(b'{"a":' * n + b"1" + b"}" * n for n in (1, 1021, 1022, 1023, 1024, 1025, 5000)),
    *(b'[{"a":' * n + b"1" + b"}]" * n for n in (510, 511, 512, 513)),
]
"""What parsers of JSON judge differently."""
AROUND = [
    b'{"data":%b,"links":{},"meta":{}}',
    b'{"links":{},"meta":{},"data":1,"data":%b}',
    b'{"\\u0064ata":1,"links":{},"meta":{},"x":%b}',
    b'{"data\\u0000":1,"links":{},"meta":{},"x":%b}',
    b'{"data":{"data":1,"links":{},"meta":%b}}',
    b' {"data":1,"links":2,"meta":%b}',
    b'\xef\xbb\xbf{"data":1,"links":2,"meta":%b}',
    b'{"data":1,"links":2,"meta":%b,}',
    *(
        b'{"data":1,"links":2,"meta":%b}' + end
        for end in (b" \r\n\t", b"\x00", b"\x00" * 64, b"{}", b",", b"//", b"\x0b", b"\xff")
    ),
    *(
        b'{"data":"' + b"a" * size + b'","links":2,"meta":%b}'
        for size in (40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 110)
    ),
    b"[%b]",
    b"%b",
]
JSON = "application/json"


@pytest.fixture(params=["icelake", "haswell", "westmere", "arm64", "fallback"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """The code for one kind of processor, as far as this one can run it."""
    import simdjson

    parser = simdjson.Parser()
    before, _ = parser.implementation
    if request.param not in [name for name, _ in parser.get_implementations()]:
        pytest.skip("this processor cannot run that code")
    parser.implementation = request.param
    yield
    parser.implementation = before


def whole(body: bytes) -> bool | None:
    """Whether an object has the names, as the parser has it that decides; None for what is none."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return all(name in content for name in NAMES) if isinstance(content, dict) else None


def told(body: bytes) -> bool | None:
    """What the quick look says, which must be right."""
    found = Outliner().has(body, NAMES)
    assert found is None or found is whole(body)
    return found


def outcome(route: Route, response: Response) -> object:
    """What comes of an answer."""
    try:
        return reading.read(route, response)
    except Refusal as refusal:
        return refusal.status, refusal.errors


@pytest.mark.usefixtures("kernel")
def test_it_says_what_the_parser_says() -> None:
    """Of what parsers judge differently, at every place, and something of most that is right."""
    bodies = [around % value for around, value in itertools.product(AROUND, VALUES)]
    found = [body for body in bodies if told(body) is not None]
    assert len(found) > 0.8 * sum(whole(body) is not None and body.startswith(b"{") for body in bodies)


@pytest.mark.usefixtures("kernel")
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(inputs("outline"))
def test_it_says_nothing_else_of_any_bytes(body: bytes) -> None:
    """Or nothing at all."""
    told(body)


@pytest.mark.parametrize("operation", ROUTES)
@pytest.mark.parametrize("content_type", [JSON, "text/html", "Application/Problem+JSON", ""])
@pytest.mark.parametrize("status", [200, 206, 404, 503])
def test_no_outcome_changes(monkeypatch: pytest.MonkeyPatch, operation: str, content_type: str, status: int) -> None:
    """With it and without it, an answer is the same or the same refusal."""
    route, bodies = ROUTES[operation], [around % value for around, value in itertools.product(AROUND, VALUES)]
    responses = [Response(status, content_type, body) for body in (*bodies, b"{}", b"[]", b"")]
    quick = [outcome(route, response) for response in responses]
    monkeypatch.setattr(reading, "simdjson", None)
    monkeypatch.setattr(reading, "OUTLINER", Outliner())
    assert [outcome(route, response) for response in responses] == quick


def test_it_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer in the promised form makes no objects."""
    monkeypatch.setattr(reading, "parsed", lambda _body: pytest.fail("it was parsed"))
    for operation in ("api_entreprise_v4_insee_unites_legales", "api_entreprise_v2_attestations_agefiph"):
        assert outcome(ROUTES[operation], Response(200, JSON, b'{"data":1,"links":2,"meta":3}'))


def test_a_longer_body_is_left_to_the_parser() -> None:
    """One byte beyond the bound, and its buffers stay as they were."""
    outliner = Outliner()
    body = b'{"data":1,"links":2,"meta":3}'
    assert outliner.has(body.ljust(MAX_BYTES), NAMES)
    assert outliner.held_bytes == MAX_BYTES * BUFFERS
    assert outliner.has(body.ljust(MAX_BYTES + 1), NAMES) is None
    assert outliner.held_bytes == MAX_BYTES * BUFFERS


def test_while_it_is_in_use_it_says_nothing() -> None:
    """As in another thread: the answer is left to the parser, and the next is looked at again."""
    outliner, body = Outliner(), b'{"data":1,"links":2,"meta":3}'
    assert outliner._parser is not None
    kept = outliner._parser.parse(body)
    assert outliner.has(body, NAMES) is None
    del kept
    assert outliner.has(body, NAMES)


def test_its_buffers_have_their_bound() -> None:
    """The longest bodies, of which each byte takes most, in a process of its own."""
    program = """
import resource
from apientreprise_gateway.upstream.reading import MAX_OUTLINED_BYTES as MAX_BYTES
from apientreprise_gateway.upstream.reading import OUTLINE_BUFFERS as BUFFERS
from apientreprise_gateway.upstream.reading import Outliner
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
bodies = [b'{"data":[' + filling * ((MAX_BYTES - 100) // len(filling)) + b'0],"links":0,"meta":0}' for filling in
          (b"0,", b"[],", b'"",', b"1.5,", b'"' + b"a" * 1000 + b'",', b'{"":0},')]
before, outliner = resident(), Outliner()
for body in bodies:
    assert outliner.has(body, ("data", "links", "meta"))
print(resident() - before, outliner.held_bytes)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    taken, held = map(int, done.stdout.split())
    assert taken < held + 1024 * 1024
    assert held <= MAX_BYTES * BUFFERS


def test_without_simdjson_every_answer_is_left_to_the_parser() -> None:
    """As where it has no wheel, in an interpreter that cannot import it."""
    program = """
import sys
sys.modules["simdjson"] = None
from apientreprise_gateway.upstream.reading import OUTLINER
print(OUTLINER.has(b'{"data":1}', ("data",)), OUTLINER.held_bytes)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "0"]
