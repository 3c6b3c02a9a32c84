"""Makes the files of the fictive providers: a PDF of one page, and a ZIP archive of such a PDF."""

import io
import zipfile
from collections.abc import Sequence
from typing import Final

_FIRST_LINE: Final = 780
_LEADING: Final = 22
_RESOURCES: Final = b"<< /Font << /F1 4 0 R >> >>"
_EPOCH: Final = (2025, 1, 1, 0, 0, 0)


def pdf(lines: Sequence[str]) -> bytes:
    """A PDF of one page with these lines; the same bytes for the same lines."""
    text = b"".join(
        b"1 0 0 1 60 %d Tm (%b) Tj\n" % (_FIRST_LINE - _LEADING * place, _literal(line))
        for place, line in enumerate(lines)
    )
    content = b"BT /F1 13 Tf\n" + text + b"ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources %b >>" % _RESOURCES,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
    )
    written = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(written)


def archive(name: str, page: bytes) -> bytes:
    """A ZIP with one file of this name; the same bytes for the same file."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(zipfile.ZipInfo(name, _EPOCH), page)
    return written.getvalue()


def _literal(line: str) -> bytes:
    encoded = line.encode("cp1252", "replace")
    return encoded.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
