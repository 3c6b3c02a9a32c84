"""What the tests of several processes on one store begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import stores
from support.site import GOOD
from support.stores import Server
from support.stub import Stub, stub


@pytest.fixture(scope="session")
def provider() -> Iterator[Stub]:
    """A provider in good health."""
    with stub(GOOD) as provider:
        yield provider


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Server]:
    """An empty store of the test's own."""
    with stores.server(tmp_path, stores.valkey_server()) as store:
        yield store


@pytest.fixture(scope="module")
def common_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A store that the tests of a module share; each has tokens and addresses of its own."""
    with stores.server(tmp_path_factory.mktemp("store"), stores.valkey_server()) as store:
        yield store
