"""A gateway that most tests share; each of them calls with a token of its own."""

from collections.abc import Iterator

import pytest

from support.site import GOOD, ROOMY, Site
from support.site import site as started


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with started(tmp_path_factory.mktemp("shared"), **ROOMY) as shared:
        yield shared


@pytest.fixture
def site(_shared: Site) -> Site:
    """The shared gateway, with its provider in good health and its records empty."""
    _shared.provider.handler = GOOD
    _shared.provider.requests.clear()
    _shared.provider.closed.clear()
    return _shared
