"""Gateways in front of a provider of documents."""

from collections.abc import Iterator

import pytest

from support.site import GOOD, ROOMY, Site
from support.site import site as started


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that gives its providers a second."""
    with started(tmp_path_factory.mktemp("hasty"), GOOD, upstream_timeout="1", **ROOMY) as own:
        yield own


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that takes documents of 50 kB."""
    with started(tmp_path_factory.mktemp("small"), GOOD, document_max_bytes="50000", **ROOMY) as own:
        yield own
