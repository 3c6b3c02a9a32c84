"""Access lines as short text, for a terminal."""

from typing import Any


def as_text(fields: dict[str, Any]) -> bytes:
    """The time, status, duration, operation, identifier and codes of a line."""
    seconds = fields.get("seconds")
    parts = (
        str(fields.get("time") or "")[11:19],
        str(fields.get("status") or "-").rjust(3),
        "" if not isinstance(seconds, int | float) else f"{seconds * 1000:.0f} ms".rjust(8),
        "" if fields.get("event") == "access" else str(fields.get("event") or ""),
        str(fields.get("operation") or ""),
        str(fields.get("identifier") or ""),
        " ".join(str(code) for code in fields.get("codes") or ()),
    )
    text = "  ".join(part for part in parts if part)
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text).encode(errors="replace")
