"""The project's Markdown as pages of the portal: the guide, the questions, and the texts of an operator.

HTML within it is shown as text. A link between its files becomes one between our pages; one to a file that is no page
here loses its link.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

Resolve = Callable[[str], str | None]
"""The address of a link as it stands in a text; None if it leads nowhere here."""
_NO_WORD: Final = re.compile(r"[^\w\- ]")


class Heading(NamedTuple):
    """A heading of the second level."""

    text: str
    anchor: str


class Text(NamedTuple):
    """A text as a page shows it."""

    title: str
    html: Markup
    headings: tuple[Heading, ...]


def as_it_is(link: str) -> str | None:
    """A link within the page, to a path of ours, or to another site."""
    return link if link.startswith(("#", "/", "https://", "mailto:")) else None


def rendered(source: str, resolve: Resolve = as_it_is) -> Text:
    """Make a text of Markdown, with anchors at its headings as GitHub has them."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = markdown.parse(source)
    title, headings, anchors = "", [], set[str]()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            text = _text_of(tokens[place + 1])
            anchor = _anchor(text, anchors)
            token.attrSet("id", anchor)
            if token.tag == "h1" and not title:
                title = text
            elif token.tag == "h2":
                headings.append(Heading(text, anchor))
        elif token.type == "inline":
            token.children = _linked(token.children or [], resolve)
    html = markdown.renderer.render(_boxed(tokens), markdown.options, {})
    return Text(title, Markup(html), tuple(headings))  # noqa: S704 - HTML within the source is escaped


def _text_of(inline: Token) -> str:
    return "".join(each.content for each in inline.children or [] if each.type in ("text", "code_inline"))


def _anchor(text: str, taken: set[str]) -> str:
    base = _NO_WORD.sub("", text.lower()).replace(" ", "-")
    anchor, number = base, 0
    while anchor in taken:
        number += 1
        anchor = f"{base}-{number}"
    taken.add(anchor)
    return anchor


def _linked(tokens: list[Token], resolve: Resolve) -> list[Token]:
    """The parts of a line, with links as `resolve` says."""
    kept: list[Token] = []
    open_links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            address = resolve(str(token.attrGet("href") or ""))
            open_links.append(address is not None)
            if address is None:
                continue
            token.attrSet("href", address)
        elif (token.type == "link_close" and not open_links.pop()) or token.type == "image":
            continue
        kept.append(token)
    return kept


def _boxed(tokens: list[Token]) -> list[Token]:
    """The same with each table in a box that scrolls, which the keyboard can reach."""
    boxed: list[Token] = []
    number = 0
    for token in tokens:
        if token.type == "table_open":
            number += 1
            box = Token("box_open", "div", 1, block=True)
            box.attrs = {"class": "table-box", "role": "region", "aria-label": f"Tableau {number}", "tabindex": "0"}
            boxed.append(box)
        boxed.append(token)
        if token.type == "table_close":
            boxed.append(Token("box_close", "div", -1, block=True))
    return boxed
