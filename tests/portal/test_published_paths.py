"""Paths of pages as they were published before: each leads to the page that holds what it held."""

import pytest

from apientreprise_gateway.database.engine import writing
from support.accounts import APPLICANT, TECHNICAL, add_known
from support.portal import OPERATOR, Site


@pytest.fixture
def kind() -> str:
    """The kind of database: what is read here is read in other tests on both."""
    return "sqlite"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/compte/deconnexion", "/compte"),
        ("/datapass", "/compte/demandes"),
        ("/admin/users", "/admin"),
        ("/admin/users/7/tokens", "/admin/personnes/7"),
        ("/admin/editors", "/admin/editeurs"),
        ("/admin/api_requests", "/admin/journal"),
        ("/admin/workers", "/admin/taches"),
        ("/editeur/delegations", "/editeur/habilitations"),
        ("/fournisseur/insee/tableau-de-bord", "/chiffres"),
    ],
)
def test_a_published_path_leads_to_its_page(site: Site, old: str, new: str) -> None:
    """For an operator, who may see them all."""
    site.log_in(OPERATOR)
    assert site.get(old).headers["location"] == new


def test_a_token_is_prolonged_with_its_habilitation(site: Site) -> None:
    """The applicant comes to the renewal, a contact to the page that names the applicant."""
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time)
    site.log_in(APPLICANT)
    assert site.get(known.token_path + "/prolonger").headers["location"] == known.path + "/renouveler"
    site.log_in(TECHNICAL)
    assert site.get(known.token_path + "/prolonger").headers["location"] == known.path
    assert site.get(known.token_path + "/demande-prolongation").headers["location"] == known.token_path
