"""The real stores, each started once."""

from collections.abc import Iterator

import pytest

from support import stores


@pytest.fixture(scope="session")
def redis7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Server]:
    """The machine's own Redis."""
    with stores.server(tmp_path_factory.mktemp("redis"), stores.redis_server()) as started:
        yield started


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Server]:
    """A Valkey."""
    with stores.server(tmp_path_factory.mktemp("valkey"), stores.valkey_server()) as started:
        yield started


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Cluster]:
    """A Cluster of three nodes."""
    with stores.cluster(tmp_path_factory.mktemp("cluster"), stores.valkey_server()) as started:
        yield started
