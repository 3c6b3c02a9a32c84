"""TLS to a provider: whom we trust, and how we prove who we are."""

import asyncio
import ssl
from pathlib import Path

import pytest

from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.pool import Pool
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.tls import client_context
from support.certificates import Authority, demanding
from support.serving import serving
from support.site import LONG
from support.stub import always, answer, stub

pytestmark = pytest.mark.uvloop

ANSWER = always(answer(b"{}"))


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority."""
    return Authority(tmp_path_factory.mktemp("ca"))


async def _get(url: str, tls: ssl.SSLContext, *, times: int = 1) -> Response:
    pool = Pool(url, timeout=LONG, max_body=1000, user_agent="tests", tls=tls)
    try:
        for _ in range(times):
            response = await pool.get("/", request_id="r")
        return response
    finally:
        pool.close()


async def _fails(url: str, tls: ssl.SSLContext) -> CallError:
    with pytest.raises(CallError) as caught:
        await _get(url, tls)
    return caught.value


async def test_an_authority_of_ones_own(ca: Authority) -> None:
    """A certificate of the authority in the file is trusted, for all the names that it has."""
    tls = client_context(ca=ca.file)
    with stub(ANSWER, tls=ca.sign("good").server_context()) as provider:
        await _get(provider.url, tls, times=3)
        await _get(provider.url.replace("127.0.0.1", "localhost"), tls)
        assert provider.connections == 2


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        ({"expired": True}, "expired"),
        ({"names": ("elsewhere.example",)}, "mismatch|not valid"),
        ({"names": ("localhost.elsewhere.example", "10.0.0.1")}, "mismatch|not valid"),
    ],
    ids=["expired", "another name", "similar name"],
)
async def test_a_wrong_certificate(ca: Authority, signed: dict[str, object], words: str) -> None:
    """A certificate that is out of date or somebody else's is a fault of its own, with its reason."""
    certificate = ca.sign("wrong", **signed)  # type: ignore[arg-type]  # what sign takes
    with stub(ANSWER, tls=certificate.server_context()) as provider:
        error = await _fails(provider.url, client_context(ca=ca.file))
        assert provider.requests == []
    assert error.fault is Fault.CERTIFICATE
    assert any(word in str(error) for word in words.split("|")), str(error)


@pytest.mark.parametrize("known", [True, False], ids=["another authority", "the system's authorities"])
async def test_an_unknown_authority(ca: Authority, tmp_path: Path, known: bool) -> None:
    """A certificate of an authority that we were not told of is not trusted, nor does ours replace the system's."""
    trusted = client_context(ca=Authority(tmp_path).file) if known else client_context()
    with stub(ANSWER, tls=ca.sign("unknown").server_context()) as provider:
        assert (await _fails(provider.url, trusted)).fault is Fault.CERTIFICATE
        assert provider.requests == []


async def test_a_server_without_tls(ca: Authority) -> None:
    """A server that answers in the clear is network trouble, not a certificate's."""

    async def clear(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
        writer.close()

    with serving(clear) as port:
        error = await _fails(f"https://127.0.0.1:{port}", client_context(ca=ca.file))
    assert error.fault is Fault.NETWORK


@pytest.mark.parametrize("password", [None, "un mot de passe"])
async def test_mutual_tls(ca: Authority, password: str | None) -> None:
    """We show our certificate to a server that asks for one, its key being encrypted or not."""
    ours = ca.sign("ours", password=password)
    tls = client_context(ca=ca.file, certificate=ours.certificate, key=ours.key, key_password=password)
    with stub(ANSWER, tls=ca.sign("server").server_context(clients=ca.file)) as provider:
        await _get(provider.url, tls, times=2)
        assert len(provider.requests) == 2


async def test_certificate_and_key_in_one_file(ca: Authority, tmp_path: Path) -> None:
    """Certificate and key may be in one file."""
    ours = ca.sign("parts")
    both = tmp_path / "both.pem"
    both.write_bytes(ours.certificate.read_bytes() + ours.key.read_bytes())
    with stub(ANSWER, tls=ca.sign("server").server_context(clients=ca.file)) as provider:
        await _get(provider.url, client_context(ca=ca.file, certificate=both))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("ours", ["none", "foreign", "expired"])
async def test_a_server_that_refuses_our_certificate(
    ca: Authority, tmp_path: Path, ours: str, version: ssl.TLSVersion
) -> None:
    """A server that wants another certificate of us is told apart from one whose own is wrong."""
    shown = {
        "none": None,
        "foreign": Authority(tmp_path, "foreign").sign("foreign-client"),
        "expired": ca.sign("expired-client", expired=True),
    }[ours]
    tls = client_context(
        ca=ca.file,
        certificate=None if shown is None else shown.certificate,
        key=None if shown is None else shown.key,
    )
    context = ca.sign("server").server_context(clients=ca.file)
    context.minimum_version = context.maximum_version = version
    with demanding(context) as url:
        error = await _fails(url, tls)
    # TLS 1.2 has no word for "where is it?"; OpenSSL says that it cannot agree with us.
    silent = ours == "none" and version is ssl.TLSVersion.TLSv1_2
    assert error.fault is (Fault.NETWORK if silent else Fault.CLIENT_CERTIFICATE)
    assert "ALERT" in str(error)


def test_files_that_cannot_be_used(ca: Authority, tmp_path: Path) -> None:
    """Each file that cannot be used is named, with what is wrong with it."""
    ours, other = ca.sign("one"), ca.sign("two")
    locked = ca.sign("locked", password="secret-of-the-key")
    missing, nonsense = tmp_path / "missing.pem", tmp_path / "nonsense.pem"
    nonsense.write_text("-----BEGIN NONSENSE-----")
    wrong: list[tuple[dict[str, object], Path, str]] = [
        ({"ca": missing}, missing, "No such file"),
        ({"ca": nonsense}, nonsense, "no certificate of an authority"),
        ({"ca": tmp_path}, tmp_path, "no regular file"),
        ({"ca": ours.key}, ours.key, "no certificate of an authority"),
        ({"certificate": missing, "key": ours.key}, missing, "No such file"),
        ({"certificate": ours.certificate, "key": missing}, missing, "No such file"),
        ({"certificate": ours.certificate}, ours.certificate, "do not hold"),
        ({"certificate": nonsense, "key": ours.key}, nonsense, "do not hold"),
        ({"certificate": ours.certificate, "key": nonsense}, nonsense, "do not hold"),
        ({"certificate": ours.certificate, "key": other.key}, ours.certificate, "does not belong to the key"),
        ({"certificate": locked.certificate, "key": locked.key}, locked.key, "no password"),
        (
            {"certificate": locked.certificate, "key": locked.key, "key_password": "wrong"},
            locked.key,
            "does not open",
        ),
        ({"key": ours.key}, ours.key, "without the certificate"),
    ]
    for given, named, words in wrong:
        with pytest.raises(ValueError, match=words) as caught:
            client_context(**given)  # type: ignore[arg-type]  # what client_context takes
        assert str(named) in str(caught.value)
        assert "secret-of-the-key" not in str(caught.value)


async def test_a_body_that_is_cut_off(ca: Authority) -> None:
    """A body without a length is complete only if TLS says that it ends: anybody can cut a connection."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n"

    async def ends(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + b"all")
        writer.close()

    async def cut(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + b"not a")
        await writer.drain()
        raw = writer.transport.get_extra_info("socket")
        raw.shutdown(1)  # below TLS

    tls = client_context(ca=ca.file)
    with stub(ends, tls=ca.sign("server").server_context()) as provider:
        assert (await _get(provider.url, tls)).body == b"all"
        provider.handler = cut
        assert (await _fails(provider.url, tls)).fault is Fault.NETWORK
