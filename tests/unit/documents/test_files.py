"""What a file is, judged by its content."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from apientreprise_gateway.contract.documents import FileKind
from apientreprise_gateway.documents.files import PADDING_BYTES, Disk, FileFault, Memory, OpenFile, check
from apientreprise_gateway.sandbox.entreprise.pdf import archive, pdf

PDF = pdf(["Attestation"])
BOTH = (FileKind.PDF, FileKind.ZIP)


def fault(data: bytes, kinds: tuple[FileKind, ...] = BOTH) -> str:
    """What is wrong with a file; empty if nothing is."""
    try:
        check(Memory(data), kinds)
    except FileFault as found:
        return found.subcode
    return ""


def zipped(*names: str, comment: bytes = b"") -> bytes:
    """An archive with files of these names."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as opened:
        for name in names:
            opened.writestr(name, "content")
        opened.comment = comment
    return written.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        PDF,
        b"\xef\xbb\xbf" + PDF,
        b"\n" * 500 + PDF,
        PDF + b"\r\n" * 300,
        PDF + bytes(PADDING_BYTES),
        PDF.rstrip() + b"\r\n" + bytes(PADDING_BYTES),
        PDF.rstrip() + b"\r" + b" " * PADDING_BYTES,
        PDF.rstrip() + b"\r\n" * (PADDING_BYTES // 2 + 1),
        PDF + b" " * 40_000,
        PDF + b"\0\n" * 10_000,
    ],
)
def test_a_pdf(data: bytes) -> None:
    """A PDF is one also where a little stands before or after it, as readers accept it."""
    assert check(Memory(data), BOTH) is FileKind.PDF


@pytest.mark.parametrize(
    "data",
    [
        archive("a.pdf", PDF),
        zipped("a", "b"),
        zipped("a", comment=b"c" * 65_535),
        zipped("a") + bytes(PADDING_BYTES),
        zipped("a", comment=b"c" * 65_535) + b" " * PADDING_BYTES,
    ],
)
def test_a_zip(data: bytes) -> None:
    """An archive is found by its directory, behind a comment too."""
    assert check(Memory(data), BOTH) is FileKind.ZIP


def test_in_a_file(tmp_path: Path) -> None:
    """The same holds for a file on a disk."""
    (tmp_path / "a").write_bytes(PDF)
    content = Disk(OpenFile(os.open(tmp_path / "a", os.O_RDONLY)))
    assert content.size == len(PDF)
    assert check(content, BOTH) is FileKind.PDF


@pytest.mark.parametrize("data", [b"", zipped()])
def test_empty(data: bytes) -> None:
    """No byte at all, or an archive of nothing, is an empty file."""
    assert fault(data) == "056"


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><title>Erreur</title>",
        b"{}",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b" " * 1024 + PDF,
        b"\0" * 4096,
    ],
)
def test_wrong_type(data: bytes) -> None:
    """Anything else is not of the type expected, whatever it is called."""
    assert fault(data) == "055"


def test_another_type_than_expected() -> None:
    """A good archive is no PDF, and the other way round."""
    assert fault(zipped("a"), (FileKind.PDF,)) == "055"
    assert fault(PDF, (FileKind.ZIP,)) == "055"


@pytest.mark.parametrize("kept", [20, len(PDF) // 2, len(PDF) - 8])
def test_a_pdf_without_its_end(kept: int) -> None:
    """Part of a PDF is unreadable."""
    assert fault(PDF[:kept]) == "051"


@pytest.mark.parametrize("file", [PDF, zipped("a"), zipped("a", comment=b"c" * 100)], ids=["pdf", "zip", "comment"])
@pytest.mark.parametrize("after", [bytes(PADDING_BYTES + 3), b" " * 200_000, b"\0" * 1_000_000, b"x" * 3000])
def test_what_follows_the_end_is_bounded(file: bytes, after: bytes) -> None:
    """More than a block of nothing behind a file's end, or anything else, is no good file."""
    assert fault(file + after) == "051"


def test_a_zip_without_its_end() -> None:
    """Part of an archive is unreadable, and so is one whose directory is elsewhere than it says."""
    data = zipped("a", "b")
    assert {fault(data[:kept]) for kept in range(4, len(data))} == {"051"}
    end = data.rfind(b"PK\x05\x06")
    moved = data[: end + 16] + b"\x05\0\0\0" + data[end + 20 :]
    assert fault(moved) == "051"
