"""How addresses that may hold secrets are shown."""

from urllib.parse import urlsplit


def shown_place(text: str) -> str:
    """A URL without its password, and without its query, which may hold a key."""
    try:
        parts = urlsplit(text)
        credentials, _, hosts = parts.netloc.rpartition("@")
    except ValueError:
        return "(unreadable)"
    if not parts.scheme or not hosts:
        return text
    user, has_password, _ = credentials.partition(":")
    who = f"{user}{':***' if has_password else ''}@" if credentials else ""
    return f"{parts.scheme}://{who}{hosts}{parts.path}{'?…' if parts.query else ''}"
