"""What the portal tells Redis of maintenance, and the gateways read."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from apientreprise_gateway.contract.maintenance import KEY, Announced, read
from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.portal.statut.loops import write_announced
from apientreprise_gateway.status import incidents
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url
from support import stores
from support.portal import make_site
from support.status import COMPONENTS, SIRENE
from support.stores import Server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Server]:
    """An empty store."""
    with stores.server(tmp_path, stores.valkey_server()) as store:
        yield store


async def test_redis_is_told_and_told_again_after_it_has_lost_its_data(engine: Engine, store: Server) -> None:
    """Of providers that are to be closed; of nothing once it is over. What is there already is not written."""
    site = make_site(engine)
    start = site.clock() + timedelta(hours=1)
    with writing(engine) as connection:
        incidents.announce(
            connection,
            name="Bascule",
            body="b",
            components=[SIRENE, "compte"],
            start=start,
            end=start + timedelta(hours=1),
            now=site.clock(),
        )
    redis = client(parse_url(store.url), timeout=5)
    expected = (Announced(("insee",), start.timestamp(), start.timestamp() + 3600),)
    for command in ("FLUSHALL", "PING"):
        store.command(command)
        await write_announced(redis, site.services, COMPONENTS)
        assert read(store.command("GET", KEY)) == expected
    site.clock.pass_by(hours=3)
    await write_announced(redis, site.services, COMPONENTS)
    assert read(store.command("GET", KEY)) == ()
    await redis.close()
