"""Files in base64, taken out of JSON while it is read."""

import base64
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.documents import extract as module
from apientreprise_gateway.documents.encoded import looks_encoded
from apientreprise_gateway.documents.extract import (
    LONG_BYTES,
    MAX_FILES,
    MAX_REST,
    Extraction,
    Extractor,
    NotJsonError,
    decode,
)
from apientreprise_gateway.documents.files import Content, Disk, FileFault, Memory

FILE = bytes(range(256)) * 400
ENCODED = base64.b64encode(FILE).decode()
BIG = 8 * 1024 * 1024


class Parts(Memory):
    """Content that is read in parts of another size."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._most = size

    def read(self, start: int, length: int) -> bytes:
        """Less than what is asked for would skip bytes: the scanner asks for as much as this gives."""
        assert length == self._most
        return super().read(start, length)


def taken(text: str, *, part: int = 64 * 1024) -> tuple[Any, list[bytes]]:
    """What an answer says, with each file's number in its place, and the files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PART_BYTES", part)
        rest, files = extract(Parts(text.encode(), part), None)
    said = json.dumps(rest)
    for number, token in enumerate(files):
        said = said.replace(token, f"file {number}")
    return json.loads(said), [whole(found.content) for found in files.values()]


def whole(content: Content | FileFault) -> bytes:
    """The bytes of a file."""
    if isinstance(content, FileFault):
        raise content
    return content.read(0, content.size)


def extract(content: Content, folder: Path | None) -> Extraction:
    """Take the files out of an answer, step by step."""
    extractor = Extractor(content, folder)
    while extractor.step():
        pass
    return extractor.finish()


@pytest.mark.parametrize("part", [999, 4096, 64 * 1024])
@pytest.mark.parametrize(
    "encoded",
    [
        ENCODED,
        ENCODED.rstrip("="),
        base64.encodebytes(FILE).decode(),
        base64.urlsafe_b64encode(FILE).decode(),
        f"data:application/pdf;base64,{ENCODED}",
    ],
    ids=["plain", "without padding", "with line ends", "the other alphabet", "data URL"],
)
def test_files_are_taken_out(encoded: str, part: int) -> None:
    """A file comes out as it was, wherever the parts that are read end; the rest says what it said."""
    text = json.dumps({"a": 'x"\\', "data": {"document": encoded, "b": [encoded, None]}, "c": "é\n"})
    assert taken(text, part=part) == (
        {"a": 'x"\\', "data": {"document": "file 0", "b": ["file 1", None]}, "c": "é\n"},
        [FILE, FILE],
    )


@pytest.mark.parametrize("part", [997, 64 * 1024])
def test_escapes_that_programs_write(part: int) -> None:
    """Slashes and other signs may be escaped, as PHP and .NET do it."""
    text = json.dumps({"d": base64.encodebytes(FILE).decode()})
    for sign, escape in (("/", "\\/"), ("+", "\\u002B"), ("=", "\\u003d")):
        text = text.replace(sign, escape)
    assert taken(text, part=part) == ({"d": "file 0"}, [FILE])


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.text(max_size=30)
        | st.text('"\\ab', max_size=30),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=12,
    ),
    st.integers(1, 40),
    st.booleans(),
)
def test_what_has_no_file_is_left_alone(value: Any, part: int, ascii_only: bool) -> None:
    """An answer without files says the same afterwards, wherever the parts end."""
    assert taken(json.dumps(value, ensure_ascii=ascii_only), part=part) == (value, [])


@pytest.mark.parametrize(
    "text",
    [
        f'{{"d": "*{ENCODED}"}}',
        f'{{"d": "{ENCODED[:-8]}*{ENCODED[-8:]}"}}',
        f'{{"d": "{ENCODED}=AAAA"}}',
        f'{{"d": "AA=A{ENCODED}"}}',
        f'{{"d": "{ENCODED}\\""}}',
        f'{{"d": "{ENCODED}\\\\"}}',
        f'{{"d": "{ENCODED}é"}}',
        f'{{"d": "data:application/pdf,{ENCODED}"}}',
        f'{{"d": "data:{ENCODED}"}}',
        f'{{"d": "{ENCODED[:-1]}A=A"}}',
    ],
)
def test_what_is_not_base64(text: str) -> None:
    """Something long that is not base64 is an unreadable file."""
    with pytest.raises(FileFault, match="051"):
        taken(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        f'{{"d": "{ENCODED}',
        f'{{"d": "{ENCODED}"',
        "<html>",
        "[" + "1," * MAX_REST + "1]",
        json.dumps([ENCODED] * (MAX_FILES + 1)),
    ],
    ids=["nothing", "open", "cut in a file", "cut after it", "a page", "too long", "too many files"],
)
def test_what_is_no_answer(text: str) -> None:
    """What is no JSON, or has more in it than an answer, is not read."""
    with pytest.raises(NotJsonError):
        taken(text)


def test_temporary_files_have_no_name(tmp_path: Path) -> None:
    """Nothing is left in the folder of temporary files, whatever happens."""
    extract(Memory(json.dumps([ENCODED]).encode()), tmp_path)
    (found,) = extract(Memory(f'["{ENCODED}*"]'.encode()), tmp_path).files.values()
    assert isinstance(found.content, FileFault)
    assert list(tmp_path.iterdir()) == []


class Long:
    """Content with a file of some megabytes, which is nowhere as a whole."""

    _head, _line, _tail = b'{"data":{"document":"', b"QUJDRA\\/\\n" * 8192, b'"}}'
    size = len(_head) + BIG + len(_tail)

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on."""
        first = start - len(self._head)
        if first < 0:
            return self._head + self._line[: length - len(self._head)]
        body = (self._line * (length // len(self._line) + 2))[first % len(self._line) :][:length]
        return body if first + length <= BIG else body[: BIG - first] + self._tail

    def copy_to(self, fd: int, start: int, length: int) -> None:
        """Nobody asks for it."""
        raise NotImplementedError


def test_memory_is_bounded() -> None:
    """A file of megabytes is taken out with less than two of memory."""
    tracemalloc.start()
    try:
        _, files = extract(Long(), None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (found,) = files.values()
    assert isinstance(found.content, Disk)
    assert found.content.size > BIG / 2
    assert peak < 2 * 1024 * 1024


def test_short_files() -> None:
    """A short text is decoded in memory, by the same rules."""
    assert decode(base64.b64encode(b"%PDF-").decode()).read(0, 9) == b"%PDF-"
    assert decode("data:application/pdf;base64,QUJD").read(0, 9) == b"ABC"
    assert decode("").size == 0
    for broken in ("A", "A*BC", "é", "====", "QUJD=QUJD", "data:x,QUJD"):
        with pytest.raises(FileFault, match="051"):
            decode(broken)


def test_what_looks_like_a_file() -> None:
    """What a PDF, a ZIP or a data URL starts with is told from an address."""
    files = (b"JVBERi0xLjQK", b"UEsDBBQA", b"data:application/pdf;base64,JVBE", b"JVBERi0", b"JVBERi0=", b"JVBERi0*")
    assert all(looks_encoded(text) for text in files)
    assert not any(looks_encoded(text) for text in (b"https://a.example/x.pdf", b"", b"x", b"//a/b", b"JVBERQ"))


# The same at every size.


HEADS = st.sampled_from(
    [
        "",
        "data:;base64,",
        "data:application/pdf;base64,",
        "Data:Application/PDF;Base64,",
        "DATA:application/pdf;name=a.pdf;charset=utf-8;BASE64,",
        "data:application/pdf; base64 ,",
        "data:application/pdf,",
        "data:application/pdf;base32,",
        "data:" + "x" * 2000 + ";base64,",
        "https://a.example/",
    ]
)


def padded_pdf(size: int) -> bytes:
    """A file of a size that passes for a PDF."""
    return b"%PDF-1.4\n" + b"~" * (size - 40) + b"startxref\n%%EOF"


class Writing(NamedTuple):
    """A way to write a file."""

    before: str
    head: str
    start: bytes
    shape: Callable[[bytes], bytes]
    unpadded: bool
    percent: bool
    after: str

    def text(self, size: int) -> str:
        """A file of a size, written so."""
        encoded = self.shape(self.start + padded_pdf(size)).decode()
        if self.unpadded:
            encoded = encoded.strip("=\n")
        if self.percent:
            encoded = encoded.replace("/", "%2f").replace("=", "%3D").replace("\n", "%0A")
        return f"{self.before}{self.head}{encoded}{self.after}"


WRITINGS = st.builds(
    Writing,
    st.builds("{}{}".format, st.sampled_from(["", "\ufeff", "\ufeff\ufeff"]), st.text(" \t\r\n", max_size=4)),
    HEADS,
    st.sampled_from([b"", b"\n", b"\xef\xbb\xbf", b" " * 5, b"\0" * 1100]),
    st.sampled_from([base64.b64encode, base64.encodebytes, base64.urlsafe_b64encode]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "", "", " \n", "=", "*", "\ufeff", "%", "%3D", "A"]),
)


def verdict(text: str, *, part: int = LONG_BYTES, escape: bool = False) -> tuple[str, bool]:
    """What becomes of a text in an answer: what is wrong with it, and whether it is taken for a file."""
    said = json.dumps(text, ensure_ascii=escape)
    if escape:
        said = '"' + "".join(f"\\u{ord(sign):04X}" for sign in text) + '"'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PART_BYTES", part)
        rest, files = extract(Memory(f'{{"d":{said}}}'.encode()), None)
    try:
        if not files:
            return whole(decode(rest["d"]))[-5:].decode(), looks_encoded(rest["d"].encode())
        (found,) = files.values()
        return whole(found.content)[-5:].decode(), found.looks_encoded
    except FileFault as fault:
        looks = looks_encoded(rest["d"].encode()) if not files else found.looks_encoded
        return fault.subcode, looks


@settings(max_examples=100, deadline=None)
@given(WRITINGS, st.integers(0, 2), st.integers(500, LONG_BYTES), st.booleans())
def test_the_same_at_every_size(way: Writing, more: int, part: int, escape: bool) -> None:
    """A short and a long text that are written alike get the same verdict, wherever parts end, escaped or not."""
    short, long = way.text(100 + more), way.text(LONG_BYTES + more)
    assert verdict(short) == verdict(long) == verdict(long, part=part, escape=escape) == verdict(short, escape=escape)


@pytest.mark.parametrize("size", [100, 200_000])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("\ufeff", ""),
        ("\n", "\n"),
        (" \t\r\n", ""),
        ("data:application/pdf;base64,", ""),
        ("Data:Application/PDF;BASE64,", ""),
        ("\ufeff\n DATA:;base64,", " "),
        ('data:application/pdf;name="a.pdf";base64,', "%0D%0A"),
    ],
)
def test_ways_to_write_it(before: str, after: str, size: int) -> None:
    """Each usual way to write a file in base64 is read at any size."""
    encoded = base64.b64encode(padded_pdf(size)).decode()
    assert verdict(f"{before}{encoded}{after}") == ("%%EOF", True)


def test_line_ends_that_are_not_escaped() -> None:
    """Line ends in a string, which JSON does not allow, are passed over in base64 of any size."""
    for size in (100, 200_000):
        text = base64.encodebytes(padded_pdf(size)).decode()
        rest, files = extract(Memory(f'{{"d":"{text}"}}'.encode()), None)
        found = [whole(each.content) for each in files.values()] or [whole(decode(rest["d"]))]
        assert found == [padded_pdf(size)]


@pytest.mark.parametrize("sign", ["\\u0041", '\\"', "\\\\", "\\n", "%41", "\u00e9"])
def test_no_step_takes_long(sign: str) -> None:
    """However a long text is written, a part of it costs about what any other does: none is read sign by sign."""
    text = f'{{"d":"data:;base64,{sign * (8 * LONG_BYTES // len(sign))}"}}'.encode()
    extractor = Extractor(Memory(text), None)
    spent: list[float] = []
    more = True
    while more:
        began = time.thread_time()
        more = extractor.step()
        spent.append(time.thread_time() - began)
    assert sorted(spent)[len(spent) // 2] < 0.05
