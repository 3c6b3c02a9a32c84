"""Files in base64, taken out of JSON while it is read."""

import base64
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.documents import extract as module
from apientreprise_gateway.documents.extract import MAX_FILES, MAX_REST, NotJsonError, decode, extract, looks_encoded
from apientreprise_gateway.documents.files import FileFault, Memory

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
    return json.loads(said), [content.read(0, content.size) for content in files.values()]


@pytest.mark.parametrize("part", [999, 4096, 64 * 1024, 1024 * 1024])
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
    with pytest.raises(FileFault):
        extract(Memory(f'["{ENCODED}*"]'.encode()), tmp_path)
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

    def copy_to(self, fd: int) -> None:
        """Nobody asks for it."""
        raise NotImplementedError


def test_memory_is_bounded() -> None:
    """A file of megabytes is taken out with less than one of memory."""
    tracemalloc.start()
    try:
        _, files = extract(Long(), None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (content,) = files.values()
    assert content.size > BIG / 2
    assert peak < 1024 * 1024


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
    assert all(looks_encoded(text) for text in ("JVBERi0xLjQK", "UEsDBBQA", "data:application/pdf;base64,JVBE"))
    assert not any(looks_encoded(text) for text in ("https://a.example/x.pdf", "", "x"))
