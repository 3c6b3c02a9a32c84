"""What a portal does besides answering. A loop that ends is started again, logged and counted.

To add one: a function that takes the `Services` and runs until it is cancelled, and its line in `LOOPS`. Its name is
the label of `portal_background_failures`. One that needs something which is not configured waits for ever (`idle`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from apientreprise_gateway.auth.publication import Publisher
from apientreprise_gateway.portal import periodic
from apientreprise_gateway.portal.publishing import REDIS_TIMEOUT, Publishing
from apientreprise_gateway.portal.services import Services
from apientreprise_gateway.portal.statut import loops
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url

Loop = Callable[[Services], Awaitable[None]]
"""Work that ends only when it is cancelled."""


async def idle() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


async def publish_tokens(services: Services) -> None:
    """Tell the gateways' Redis of tokens that were revoked or limited."""
    url = services.settings.redis_url
    if url is None:
        await idle()
        return
    connection = client(parse_url(url.get_secret_value()), timeout=REDIS_TIMEOUT)
    try:
        await Publishing(
            engine=services.engine,
            publisher=Publisher(connection),
            metrics=services.metrics.publishing,
            now=services.now,
        ).run()
    finally:
        await connection.close()


LOOPS: Final[Sequence[tuple[str, Loop]]] = (
    ("publish_tokens", publish_tokens),
    ("quick_jobs", periodic.quick_jobs),
    ("slow_jobs", periodic.slow_jobs),
    ("mails", periodic.mails),
    ("status", loops.measure),
    ("maintenance", loops.announce),
)
"""The loops of every process with their names."""
