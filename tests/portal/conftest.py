"""Fixtures of the portal's tests: a portal over each kind of database, as a browser without scripts uses it."""

import pytest
from sqlalchemy import Engine

from support.portal import Site, make_site


@pytest.fixture
def site(engine: Engine) -> Site:
    """A portal over TLS, with mail links and no ProConnect."""
    return make_site(engine)
