"""Tests of the reading of bodies that were compressed unasked."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.net.content_coding import PART_BYTES, decoder_of

TEXT = b'{"data": {"siren": "130025265"}}' * 50


def _raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def decoded(label: str, *parts: bytes) -> bytes | None:
    """What the parts of a body stand for; None if they cannot be decoded."""
    decoder = decoder_of(label)
    if decoder is None:
        return b"".join(parts)
    found = b"".join(piece for part in parts for piece in decoder.feed(part)) + decoder.end()
    return None if decoder.broken else found


CODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "GZip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "Deflate": _raw_deflate(TEXT),
    "identity, gzip": gzip.compress(TEXT),
    "gzip, utf-8": gzip.compress(TEXT),
    "gzip,gzip": gzip.compress(TEXT),
    " gzip ,": gzip.compress(TEXT[:70]) + gzip.compress(TEXT[70:]),
}


@pytest.mark.parametrize("label", CODED)
def test_codings(label: str) -> None:
    """What a label names is undone, however it is spelt and however many members a body has."""
    assert decoded(label, CODED[label]) == TEXT
    assert decoded(label, *(bytes([each]) for each in CODED[label])) == TEXT, "byte by byte"


@pytest.mark.parametrize(
    "label", ["", "identity", "identity,identity", "UTF-8", "none", "binary", "8bit", ",", "br", "é"]
)
def test_labels_that_say_nothing(label: str) -> None:
    """A label that names no coding that is undone leaves the body as it is."""
    assert decoder_of(label) is None


@pytest.mark.parametrize("label", ["gzip", "deflate"])
@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[1]", b"<html>", b"%PDF-1.7", b"\n{}", TEXT])
def test_bodies_that_are_not_coded(label: str, body: bytes) -> None:
    """A body that is not what its label says is taken as it is."""
    assert decoded(label, body) == body
    assert decoded(label, *(bytes([each]) for each in body)) == body


@pytest.mark.parametrize("label", ["gzip", "deflate"])
@pytest.mark.parametrize("lost", [1, 5, 20])
def test_bodies_that_end_too_early(label: str, lost: int) -> None:
    """A coded body that is not whole cannot be decoded."""
    assert decoded(label, CODED[label][:-lost]) is None


@pytest.mark.parametrize("label", ["gzip", "deflate"])
def test_bodies_that_are_broken(label: str) -> None:
    """A coded body that is wrong in its middle cannot be decoded."""
    wrong = bytearray(CODED[label])
    wrong[12:16] = b"\xff\xff\xff\xff"
    assert decoded(label, bytes(wrong)) is None


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 100, b"\x1f", b"\r\n"])
def test_padding(padding: bytes) -> None:
    """What comes behind the last member and begins none is left out."""
    assert decoded("gzip", CODED["gzip"] + padding) == TEXT
    assert decoded("gzip", CODED["gzip"], padding) == TEXT


def test_a_bomb_comes_in_parts() -> None:
    """However little stands for however much, what comes out at once is small."""
    decoder = decoder_of("gzip")
    assert decoder is not None
    sizes = [len(part) for part in decoder.feed(gzip.compress(bytes(10_000_000)))]
    assert (sum(sizes), max(sizes)) == (10_000_000, PART_BYTES)


@given(st.sampled_from(["gzip", "deflate"]), st.lists(st.binary(max_size=40), max_size=10))
def test_any_bytes(label: str, parts: list[bytes]) -> None:
    """Whatever comes is decoded, taken as it is, or found to be broken."""
    decoded(label, *parts)


@given(st.binary(max_size=300_000), st.integers(1, 5000))
def test_any_body(body: bytes, step: int) -> None:
    """What was compressed comes out as it was, in whatever parts it comes."""
    packed = gzip.compress(body, 1)
    assert decoded("gzip", *(packed[at : at + step] for at in range(0, len(packed), step))) == body
