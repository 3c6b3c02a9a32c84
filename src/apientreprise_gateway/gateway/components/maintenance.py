"""Makes what follows the maintenance that the status page announces."""

from functools import partial

from pydantic import SecretStr

from apientreprise_gateway.gateway.announcements import Announcements
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.components.store import POLL_TIMEOUT, tell_of_fault
from apientreprise_gateway.gateway.components.upstreams import Upstreams
from apientreprise_gateway.gateway.lifecycle import Component
from apientreprise_gateway.gateway.series import StorePart
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url

MaintenanceComponent = Component[SecretStr | None, Announcements | None]


def maintenance_component(
    context: Context, upstreams: Upstreams, *, former: MaintenanceComponent | None
) -> MaintenanceComponent:
    """The component that follows announced maintenance in Redis, if there is one; made anew at each reload.

    Args:
        context: its settings must be complete enough to serve.
        upstreams: told of it.
        former: its predecessor; what it knows is taken over from the same Redis.
    """
    url = context.settings.redis_url
    if url is None:
        return Component(name="maintenance", part=None, made_of=None)
    before = former.part if former is not None and former.made_of == url else None
    part = Announcements(
        client(parse_url(url.get_secret_value()), timeout=POLL_TIMEOUT),
        upstreams,
        known=None if before is None else before.known,
        on_fault=partial(tell_of_fault, context.metrics, StorePart.MAINTENANCE),
    )
    return Component(
        name="maintenance",
        part=part,
        made_of=url,
        start=partial(context.background.attempt, "maintenance", part.refresh),
        background={"maintenance": part.follow},
        close=part.close,
    )
