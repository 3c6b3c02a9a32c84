"""Texts that people or other programs typed, made fit for a line of a mail or of a page.

A line break in a subject would begin another header, and PostgreSQL stores no NUL in its JSON.
"""

import unicodedata
from typing import Final

MAX_LINE: Final = 200
MAX_PARAGRAPHS: Final = 4000
"""Characters that are kept."""
_UNSEEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Categories of Unicode that are left out: controls, marks of direction, halves of a pair, separators."""


def one_line(text: str, *, longest: int = MAX_LINE) -> str:
    """A text as one line without characters that are not seen; cut with an ellipsis where it is longer."""
    seen = "".join(" " if unicodedata.category(each) in _UNSEEN else each for each in text[: 4 * longest])
    line = " ".join(seen.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def paragraphs(text: str, *, longest: int = MAX_PARAGRAPHS) -> str:
    """A text with its lines, each without characters that are not seen; no more than one empty line in a row."""
    found: list[str] = []
    for line in text[:longest].splitlines():
        cleaned = one_line(line, longest=longest)
        if cleaned or (found and found[-1]):
            found.append(cleaned)
    return "\n".join(found).strip()
