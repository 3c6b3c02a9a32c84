"""Links of succession of Sirene, as they are answered."""

from typing import Any

import pytest

from apientreprise_gateway.contract.errors import Refusal
from unit.dialects.sirene_3_11.answers import SIRET, link, of_links
from unit.dialects.sirene_3_11.asked import LINKS, body_of, links_of, sirene
from unit.dialects.speaking import Provider, ask, said

BEFORE, AFTER = "99800005300012", "13002526500021"


def linked(*links: dict[str, Any], **head: Any) -> Provider:
    """A Sirene that knows these links."""
    return sirene({links_of(SIRET): said(of_links(*links, **head))})


def test_links_on_both_sides() -> None:
    """Who came before and who came after are told apart, with what is known of the link."""
    body = body_of(
        LINKS, linked(link(BEFORE, SIRET), link(SIRET, AFTER, transfertSiege=True, continuiteEconomique=False))
    )
    assert body == {
        "data": {
            "predecesseurs": [
                {
                    "siret": BEFORE,
                    "date_succession": "2022-10-01",
                    "transfert_siege": False,
                    "continuite_economique": True,
                }
            ],
            "successeurs": [
                {
                    "siret": AFTER,
                    "date_succession": "2022-10-01",
                    "transfert_siege": True,
                    "continuite_economique": False,
                }
            ],
        },
        "links": {},
        "meta": {},
    }


def test_no_link_is_not_found() -> None:
    """Sirene answers 404 where there is no link, and so does the endpoint."""
    with pytest.raises(Refusal) as refused:
        ask(LINKS, SIRET, Provider())
    assert (refused.value.status, refused.value.errors[0].code) == (404, "01003")


def test_a_link_that_is_about_others() -> None:
    """A link that does not name the establishment is not one of its own."""
    assert body_of(LINKS, linked(link(BEFORE, AFTER)))["data"] == {"predecesseurs": [], "successeurs": []}


@pytest.mark.parametrize(
    "provider",
    [
        linked(link(BEFORE, SIRET), total=2),
        linked(link("sans", SIRET)),
        linked(link(BEFORE, SIRET, dateLienSuccession="2022-13-01")),
        linked(link(BEFORE, SIRET, transfertSiege=None)),
        sirene({links_of(SIRET): said({"liensSuccession": []})}),
        sirene({links_of(SIRET): said({"header": {}, "liensSuccession": [1]})}),
    ],
    ids=["not all of them", "siret", "day", "flag", "header", "list"],
)
def test_what_an_answer_cannot_do_without(provider: Provider) -> None:
    """An answer that lacks what ours promises, or holds a part only, is an error."""
    with pytest.raises(Refusal) as refused:
        ask(LINKS, SIRET, provider)
    assert (refused.value.status, refused.value.errors[0].code) == (502, "01999")
