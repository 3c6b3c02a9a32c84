"""The page on which a test token is had, in plain HTML: no script, nothing of another host."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from apientreprise_gateway.providers.product import Product

PAGE: Final = "/sandbox"
TOKENS: Final = "/sandbox/tokens"
STYLE: Final = "/sandbox/style.css"

CSS: Final = b"""\
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #161616; background: #fff; }
fieldset { border: 1px solid #767676; margin: 1rem 0; padding: .5rem 1rem 1rem; min-width: 0; }
legend { font-weight: bold; padding: 0 .3rem; }
ul.scopes { list-style: none; margin: 0; padding: 0; display: grid; gap: .2rem 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
label { display: flex; gap: .5rem; align-items: baseline; padding: .15rem 0; overflow-wrap: anywhere; }
code, textarea { font-family: ui-monospace, monospace; font-size: .9rem; }
textarea { width: 100%; min-height: 8rem; padding: .5rem; border: 1px solid #767676; overflow-wrap: anywhere; }
button { font: inherit; padding: .5rem 1rem; color: #fff; background: #000091; border: 0; cursor: pointer; }
a { color: #000091; }
:focus-visible { outline: 3px solid #0a76f6; outline-offset: 2px; }
.error { border-left: .3rem solid #ce0500; padding: .5rem 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid #ddd; padding: .3rem; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #161616; }
  a { color: #9a9aff; }
  textarea { color: inherit; background: #222; }
  button { color: #161616; background: #9a9aff; }
}
"""  # noqa: E501 - one rule a line

_FRAME: Final = """\
<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%(title)s</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="%(style)s">
</head>
<body>
<main>
<h1>%(title)s</h1>
%(content)s</main>
</body>
</html>
"""
_TITLE: Final = "Jetons d'essai"
_PERSONS: Final = "franceconnect"
"""Where the page lists the tokens of FranceConnect."""


def form_page(
    products: Iterable[Product], *, minutes: int, persons: Mapping[str, str] | None = None, error: str = ""
) -> bytes:
    """The page with a form for each product.

    Args:
        products: the products whose tokens may be had.
        minutes: how long a token lasts.
        persons: the test access tokens of FranceConnect, by the persons that they stand for.
        error: what is wrong with the order that came before; empty if none did.
    """
    products = tuple(products)
    content = (
        (f'<p class="error" role="alert">{escape(error)}</p>\n' if error else "")
        + f"<p>Un jeton s'obtient ici tout de suite, sans habilitation. Il dure {minutes} minutes et n'ouvre que cette "
        "démonstration : toute autre passerelle le refuse. Les données sont inventées.</p>\n"
        + '<p>Sans case cochée, le jeton a tous les droits du produit. <a href="/docs">Documentation</a></p>\n'
        + _contents(products, by_person=bool(persons))
        + "".join(_form(product) for product in products)
        + _table_of(persons or {})
    )
    return _framed(_TITLE, content)


def token_page(*, token: str, scopes: Iterable[str], until: str, curl: str) -> bytes:
    """The page that shows a token.

    Args:
        token: the token.
        scopes: those that it has.
        until: when it expires, as a reader would write it.
        curl: a line of shell to try it with; empty for none.
    """
    rights = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in scopes)
    example = (
        ""
        if not curl
        else '<h2><label for="curl">Un appel à coller dans un terminal</label></h2>\n'
        f'<textarea id="curl" readonly spellcheck="false">{escape(curl)}</textarea>\n'
    )
    content = (
        f"<p>Ce jeton est valable jusqu'au {escape(until)}.</p>\n"
        '<h2><label for="token">Le jeton</label></h2>\n'
        f'<textarea id="token" readonly spellcheck="false">{escape(token)}</textarea>\n'
        f"{example}<h2>Ses droits</h2>\n<ul>{rights}</ul>\n"
        f'<p><a href="{PAGE}">Un autre jeton</a></p>\n'
    )
    return _framed("Votre jeton d'essai", content)


def _contents(products: Iterable[Product], *, by_person: bool) -> str:
    """Links to the parts of the page."""
    parts = {product.name: product.title for product in products} | ({_PERSONS: "FranceConnect"} if by_person else {})
    links = "".join(f'<li><a href="#{escape(name)}">{escape(title)}</a></li>\n' for name, title in parts.items())
    return f'<nav aria-label="Sur cette page">\n<ul>\n{links}</ul>\n</nav>\n'


def _form(product: Product) -> str:
    name = escape(product.name)
    boxes = "".join(
        f'<li><label><input type="checkbox" name="scopes" value="{escape(scope)}"><code>{escape(scope)}</code>'
        "</label></li>\n"
        for scope in sorted(product.scopes)
    )
    return (
        f'<form method="post" action="{TOKENS}">\n'
        f'<input type="hidden" name="product" value="{escape(product.key)}">\n'
        f'<fieldset id="{name}">\n<legend>{escape(product.title)} : les droits</legend>\n'
        f'<ul class="scopes">\n{boxes}</ul>\n</fieldset>\n'
        f'<button type="submit">Obtenir un jeton {escape(product.title)}</button>\n</form>\n'
    )


def _table_of(persons: Mapping[str, str]) -> str:
    if not persons:
        return ""
    rows = "".join(
        f"<tr><td>{escape(person)}</td><td><code>{escape(token)}</code></td></tr>\n"
        for person, token in persons.items()
    )
    return (
        f'<h2 id="{_PERSONS}">Jetons FranceConnect</h2>\n'
        "<p>Sur les chemins <code>france_connect</code>, le jeton est celui que FranceConnect a remis pour la "
        "personne. Ceux-ci sont fictifs.</p>\n"
        f'<table>\n<thead><tr><th scope="col">Personne</th><th scope="col">Jeton</th></tr></thead>\n'
        f"<tbody>\n{rows}</tbody>\n</table>\n"
    )


def _framed(title: str, content: str) -> bytes:
    return (_FRAME % {"title": title, "style": STYLE, "content": content}).encode()
