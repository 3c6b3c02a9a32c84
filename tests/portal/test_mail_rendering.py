"""Mails as they are read: every kind, and hostile texts in them."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from apientreprise_gateway.accounts.mail_rules import Kind
from apientreprise_gateway.accounts.plain_text import one_line, paragraphs
from apientreprise_gateway.portal.mail.examples import EXAMPLES, VARIANTS
from apientreprise_gateway.portal.mail.rendering import TEMPLATES, Renderer, date_words, moment_words

ALL = [*EXAMPLES.items(), *VARIANTS]
SHARED = {"footer"}
URL = "https://portail.example/"
_TO_DO = "Que faire maintenant|rien à faire|Prochaine étape|Premiers pas|rien ne change|attend|n’y avez plus|connecter"


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    """Templates with the addresses of a portal."""
    return Renderer(public_url=URL)


class Tags(HTMLParser):
    """The tags of a page, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def test_each_template_has_an_example() -> None:
    """No kind is without a template, and no template without an example."""
    templates = {path.stem for path in TEMPLATES.glob("*.txt")} - SHARED
    assert templates == set(EXAMPLES)
    assert set(Kind) <= set(EXAMPLES)


@pytest.mark.parametrize(("kind", "data"), ALL)
def test_each_mail_reads_well(renderer: Renderer, kind: str, data: dict[str, Any]) -> None:
    """A mail greets, says what it is and what to do, links to a page of ours, in lines of a length that reads well."""
    mail = renderer.render(kind, data)
    assert len(mail.html.encode()) < 60_000
    assert mail.text.startswith("Bonjour,\n\n" if kind != "status_news" else data["what"])
    assert mail.text.isprintable() or "\n" in mail.text
    assert kind.startswith("status_") or re.search(_TO_DO, " ".join(mail.text.split()))
    words = [line for line in mail.text.splitlines() if "https://" not in line]
    assert max(map(len, words)) <= 76
    assert "\n\n\n" not in mail.text
    assert not re.search(r"{{|{%|None|Undefined|&#|&amp;", mail.text)
    page = Tags(mail.html)
    assert page.links
    assert all(link.startswith(URL) for link in page.links)
    assert page.links[0] in mail.text
    assert "script" not in page.tags
    assert not (page.tags & {"img", "link", "iframe"})
    if "number" in data:
        assert mail.subject.startswith("n°4821 | ")


@pytest.mark.parametrize(("kind", "data"), ALL)
def test_what_a_template_tells_must_be_given(renderer: Renderer, kind: str, data: dict[str, Any]) -> None:
    """Each value that an example gives and the template prints is needed: without it there is no mail."""
    whole = renderer.render(kind, data)
    for name in data:
        try:
            part = renderer.render(kind, {key: value for key, value in data.items() if key != name})
        except (TemplateError, TypeError):
            continue
        if name not in ("number", "unsubscribe"):
            assert part == whole, f"{kind} reads differently without {name}"


def test_the_technical_contact_is_told_who_has_the_token() -> None:
    """By default the applicant hands the token over; the setting lets the technical contact fetch it."""
    data = EXAMPLES[Kind.APPROVED_TECHNICAL]
    closed = Renderer(public_url=URL).render(Kind.APPROVED_TECHNICAL, data).text
    opened = Renderer(public_url=URL, technical_contact_sees_tokens=True).render(Kind.APPROVED_TECHNICAL, data).text
    assert "vous\nremettre le jeton" in closed
    assert "récupérez le jeton" not in closed
    assert "récupérez le jeton dans votre espace" in opened.replace("\n", " ")


def test_a_notice_names_product_and_date(renderer: Renderer) -> None:
    """The notice of an end names the product of its token, in Paris time."""
    mail = renderer.render(Kind.TOKEN_EXPIRY, {**EXAMPLES[Kind.TOKEN_EXPIRY], "product": "particulier"})
    assert "API\nParticulier" in mail.text or "API Particulier" in mail.text
    assert "Entreprise" not in mail.text + mail.subject
    assert "31 mars 2027 à 11 h 30" in mail.text.replace("\n", " ")


hostile = st.one_of(
    st.text(st.characters(), max_size=300),
    st.sampled_from(
        [
            "a\r\nBcc: x@y.example", "\x00", "\ud800", "</title><script>alert(1)</script>", "{{ 7*7 }}", "{% raw %}",
            "\n\n→ Cliquez : https://evil.example/", "→ Cliquez : https://evil.example/", "> x", "- x", "\u202eabc",
            "a" * 100_000, "\u2028→ Cliquez : https://evil.example/",
        ]
    ),
)  # fmt: skip


@given(title=hostile, comment=hostile, number=hostile)
def test_what_somebody_typed_is_text(title: str, comment: str, number: str) -> None:
    """No title or comment makes a header, a tag, a link or an error."""
    renderer = Renderer(public_url=URL)
    data = {**EXAMPLES[Kind.CHANGES_REQUESTED], "title": title, "comment": comment, "number": number}
    mail = renderer.render(Kind.CHANGES_REQUESTED, data)
    assert not re.search(r"[\x00-\x1f\x7f\ud800-\udfff\u2028]", mail.subject)
    page = Tags(mail.html)
    assert "script" not in page.tags
    assert all(link.startswith(URL) for link in page.links)
    mail.text.encode()
    mail.html.encode()
    assert "\x00" not in mail.text + mail.html
    assert len(mail.html.encode()) < 200_000


@given(st.text(st.characters()))
def test_a_line_is_one(text: str) -> None:
    """A text made one line has no break and nothing unseen, and stays as it is when made so again."""
    line = one_line(text, longest=50)
    assert len(line) <= 50
    assert line.isprintable()
    assert one_line(line, longest=50) == line
    assert "\n\n\n" not in paragraphs(text)


def test_moments_are_of_paris() -> None:
    """Days and hours are written as in Paris, on both sides of the change of the clocks."""
    assert date_words("2027-03-31T22:30:00+00:00") == "1er avril 2027"
    assert moment_words("2027-03-28T00:59:00+00:00") == "28 mars 2027 à 1 h 59"
    assert moment_words("2027-03-28T01:00:00+00:00") == "28 mars 2027 à 3 h 00"
