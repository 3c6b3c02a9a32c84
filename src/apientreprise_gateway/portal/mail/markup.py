"""The text of a mail, and the HTML made of it.

A template writes paragraphs with an empty line between them. Lines that begin with `- ` are a list, with `> ` a
quotation, and `→ Label : https://…` is the link that a mail is about. Everything else is text, whatever somebody typed
into it.
"""

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 76
_LINK: Final = re.compile(r"→ (?P<label>[^:→]+) : (?P<url>https?://\S+)")


def wrapped(body: str) -> str:
    """The text part: lines of a length that reads well; links are not cut."""
    return "\n".join(_wrapped_lines(body)) + "\n"


def _wrapped_lines(body: str) -> Iterator[str]:
    for line in _lines(body):
        link = _LINK.fullmatch(line)
        if link is not None:
            yield f"→ {link['label']} :"
            yield f"  {link['url']}"
            continue
        mark = line[:2] if line.startswith(("- ", "> ")) else ""
        later = "> " if mark == "> " else " " * len(mark)
        yield from textwrap.wrap(
            line[len(mark) :],
            WIDTH,
            initial_indent=mark,
            subsequent_indent=later,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [mark.strip()]


def html(body: str) -> Markup:
    """The same as elements of HTML."""
    return Markup("\n").join(_elements(body))


def _elements(body: str) -> Iterator[Markup]:
    for block in "\n".join(_lines(body)).split("\n\n"):
        lines = block.split("\n")
        link = _LINK.fullmatch(lines[0])
        if link is not None and len(lines) == 1:
            yield Markup('<p class="action"><a class="button" href="{}">{}</a></p>').format(link["url"], link["label"])
            yield Markup('<p class="address">{}</p>').format(link["url"])
        elif all(line.startswith("- ") for line in lines):
            yield Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(x[2:]) for x in lines))
        elif all(line.startswith(">") for line in lines):
            yield Markup("<blockquote>{}</blockquote>").format(Markup("<br>").join(escape(x[2:]) for x in lines))
        else:
            yield Markup("<p>{}</p>").format(Markup("<br>").join(escape(line) for line in lines))


def _lines(body: str) -> list[str]:
    """The lines of a text: no spaces at their ends, one empty line at most in a row, none at both ends."""
    text = "\n".join(_bound(line.rstrip()) for line in body.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", text).split("\n")


def _bound(line: str) -> str:
    """A line whose French punctuation stays with its word where the line is broken."""
    if line.startswith("→"):
        return line
    return re.sub(r" (?=[»:;?!])|(?<=«) ", "\N{NO-BREAK SPACE}", line)


def quoted(text: str) -> str:
    """A text that somebody typed, as a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
