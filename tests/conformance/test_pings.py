"""The pings against the published ones."""

import re

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS
from conformance.conftest import CATALOGUE, NEWER, NEWER_PINGS, load_operations, load_pings
from conformance.differences import NONE, Aspect, listed

PUBLISHED = load_pings()
OPERATIONS = load_operations()
OURS: dict[str, tuple[Ping, Provider]] = {
    ping.key: (ping, provider) for provider in PROVIDERS for ping in provider.pings
}
PROBED_KINDS = {"retriever", "retriever_payload"}
"""The kinds of published pings that call the provider; the others look at what calls have said."""
each_ping = pytest.mark.parametrize("key", PUBLISHED)


def squashed(name: str) -> str:
    """The name of a class or of a controller, without what tells the two, or singular from plural."""
    return re.sub(r"[^a-rt-z]", "", name.lower())


def test_the_published_ones() -> None:
    """There are the published pings, all of them in the list, and no other."""
    assert OURS.keys() - NEWER_PINGS == PUBLISHED.keys()
    assert all(ping["listed_in_index"] for ping in PUBLISHED.values())


@each_ping
def test_as_published(key: str) -> None:
    """A ping keeps a good answer as long, calls its provider if that one does, and has the same address."""
    ping, _ = OURS[key]
    published = PUBLISHED[key]
    assert ping.cache_seconds == published["cache_s"]
    assert ping.probed is (published["kind"] in PROBED_KINDS)
    assert published["url"].endswith(ENTREPRISE.pings.of(ping))


@each_ping
def test_watches_what_is_published(key: str) -> None:
    """A ping that calls asks for what the published one asks for; the others watch the same operations at least."""
    ping, provider = OURS[key]
    watched = PUBLISHED[key]["watches"]
    if isinstance(watched, str):
        # The classes of djepva are called as that provider, its controllers as the one that it succeeded.
        assert squashed(controller_of(ping.probe)).replace("djepva", "mi") == squashed(watched).replace("djepva", "mi")
        return
    covered = [each.operation for each in provider.endpoints if ping.covers(each.operation)]
    ours = {controller_of(operation) for operation in covered if operation not in NEWER}
    assert {name.partition("v3_and_more/")[2].removesuffix("#show") for name in watched} <= ours


def controller_of(operation: str) -> str:
    """What serves an operation in the published API, from v3 on."""
    return str(OPERATIONS[operation]["controller"]).partition("v3_and_more/")[2]


@pytest.mark.parametrize(
    ("endpoint", "provider"),
    [pytest.param(*pair, id=name) for name, pair in CATALOGUE.items() if "ping_url" in OPERATIONS[name]],
)
def test_operations_name_the_published_one(endpoint: Endpoint, provider: Provider) -> None:
    """From v3 on, an operation names the published ping."""
    url = OPERATIONS[endpoint.operation]["ping_url"]
    published = NONE if url is None else url.partition("/ping/")[2]
    ping = provider.ping_of(endpoint.operation)
    ours = NONE if ping is None else ping.key
    found = {(published, ours)} if published != ours else set()
    assert found == listed(Aspect.PING, endpoint.operation)
