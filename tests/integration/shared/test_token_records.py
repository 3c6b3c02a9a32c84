"""What the account side publishes of its tokens is in force on every process, whoever is restarted or emptied."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import jwt
import pytest

from apientreprise_gateway.auth.publication import Publisher
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url
from support import programs
from support.fleet import Gateway, fleet, gateway
from support.site import UNITE_LEGALE, fresh
from support.stores import Server, until
from support.stub import Stub
from support.tokens import ALL_SCOPES, SECRET

SECONDS = 40
"""How long a change may take to be seen, on the slowest machine."""
ELSEWHERE = "127.0.7.1"
_T = TypeVar("_T")


def published(store: Server, act: Callable[[Publisher], Awaitable[_T]]) -> _T:
    """What a publisher of the account side says to an act of its own."""

    async def acting() -> _T:
        connection = client(parse_url(store.url), timeout=60)
        try:
            return await act(Publisher(connection))
        finally:
            await connection.close()

    return asyncio.run(acting())


def publish(store: Server, jti: str, record: dict[str, Any] | None) -> None:
    """Publish the record of a token."""
    published(store, lambda publisher: publisher.publish(records={jti: record}))


class Narrowed:
    """A token that is narrowed in all ways, but for calls from elsewhere."""

    def __init__(self) -> None:
        self.jti = str(uuid.uuid4())
        self.token = fresh(jti=self.jti)
        self.record = {"allowed_addresses": ["127.0.7.0/24"], "cap_per_minute": 99_000, "scopes": ["other"]}

    def is_seen(self, *members: Gateway) -> bool:
        """Whether every process holds the token to it, as far as some connections can tell."""
        return all(self._is_held(member) for member in members for _ in range(8))

    def _is_held(self, member: Gateway) -> bool:
        answer = member.ask(token=self.token)
        return (answer.status, answer.codes) == (403, ["00100"]) and answer.headers["ratelimit-limit"] == "99000"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, common_store: Server, provider: Stub) -> Iterator[list[Gateway]]:
    """Two gateways of two workers each."""
    folder = tmp_path_factory.mktemp("pair")
    with fleet(folder, 2, 2, upstream=provider.url, redis_url=common_store.url) as pair:
        yield pair


def test_each_key_is_in_force(pair: list[Gateway], common_store: Server) -> None:
    """Addresses, cap and scopes hold on every process soon after they are published, and no longer than they are."""
    jti = str(uuid.uuid4())
    token = fresh(jti=jti)

    def says(status: int, codes: list[str], *, limit: str | None = None) -> bool:
        answers = [member.ask(token=token) for member in pair for _ in range(8)]
        limits = {answer.headers["ratelimit-limit"] for answer in answers}
        return {(answer.status, *answer.codes) for answer in answers} == {(status, *codes)} and (
            limit is None or limits == {limit}
        )

    assert says(200, [], limit="1000000")
    for record, status, codes, limit in (
        ({"allowed_addresses": ["127.0.7.0/24"]}, 403, ["00107"], "1000000"),
        ({"cap_per_minute": 90_000}, 200, [], "90000"),
        ({"cap_per_minute": 90_000, "limit_per_minute": 80_000}, 200, [], "80000"),
        ({"scopes": []}, 403, ["00100"], "1000000"),
        (None, 200, [], "1000000"),
    ):
        publish(common_store, jti, record)
        until(lambda: says(status, codes, limit=limit), f"{record} is not in force", seconds=SECONDS)  # noqa: B023
    publish(common_store, jti, {"allowed_addresses": ["127.0.7.0/24"]})
    until(lambda: says(403, ["00107"]), "it is not in force", seconds=SECONDS)
    assert pair[0].ask(token=token, source=ELSEWHERE).status == 200


def test_what_a_holder_sees(pair: list[Gateway], common_store: Server) -> None:
    """Privileges and introspection show the scopes that are left, and the lower limit; so does the command."""
    jti = str(uuid.uuid4())
    token = fresh(jti=jti)
    left = sorted(ALL_SCOPES)[:2]
    record = {"scopes": [*left, "another"], "cap_per_minute": 70}
    publish(common_store, jti, record)
    bearer = {"Authorization": f"Bearer {token}"}

    def privileges(member: Gateway) -> Any:
        return httpx.get(member.url + "/privileges", headers=bearer).json()["data"]["privileges"]

    until(lambda: all(privileges(each) == left for each in pair for _ in range(8)), "not seen", seconds=SECONDS)
    told = httpx.get(pair[0].url + "/v3/token/introspect", headers=bearer).json()["data"]
    assert (told["scopes"], told["rate_limit_par_minute"]) == (left, 70)
    inspected = programs.run("token", "inspect", token, jwt_secrets=SECRET, redis_url=common_store.url)
    shown = json.loads(inspected.stdout)
    assert (shown["verdict"], shown["record"]) == ("valid", {**record, "scopes": sorted(record["scopes"])})  # type: ignore[call-overload]
    forged = jwt.encode({"jti": jti}, "x" * 32, algorithm="HS256")
    assert "record" not in json.loads(
        programs.run("token", "inspect", forged, jwt_secrets=SECRET, redis_url=common_store.url).stdout
    )


def test_a_record_that_is_none_is_told(pair: list[Gateway], common_store: Server) -> None:
    """A record that cannot be read is counted and told by each process, and the records beside it are in force."""
    bad, good = str(uuid.uuid4()), Narrowed()
    common_store.command("HSET", "gw:tokens", bad, '{"cap_per_minute": 0}')
    publish(common_store, good.jti, good.record)
    until(lambda: good.is_seen(*pair), "it is not in force", seconds=SECONDS)
    for member in pair:
        told = [line["jti"] for line in member.logged("token_record_unreadable", count=member.workers)]
        assert told == [bad] * member.workers
        assert member.metrics()["gateway_token_records_unreadable"] == 1
        assert member.metrics()["gateway_token_records"] >= 1
        assert member.ask(token=fresh(jti=bad)).status == 200
    common_store.command("HDEL", "gw:tokens", bad)


def test_whoever_is_restarted_or_emptied(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A narrowed token is never widened: by an emptied Redis, by a restart of a gateway, or by both at once."""
    narrowed, lost = Narrowed(), Narrowed()
    settings = {"upstream": provider.url, "redis_url": store.url}
    kept = settings | {"revocations_copy": str(tmp_path / "kept.json")}
    publish(store, narrowed.jti, narrowed.record)
    with gateway(tmp_path, 2, **settings) as running:
        with gateway(tmp_path, **kept) as first:
            until(lambda: narrowed.is_seen(running, first), "it is not in force", seconds=SECONDS)
        store.command("FLUSHALL")
        assert narrowed.is_seen(running)
        until(lambda: bool(store.command("HLEN", "gw:tokens")), "it is not given back", seconds=SECONDS)
        publish(store, lost.jti, lost.record)
        until(lambda: lost.is_seen(running), "it is not in force", seconds=SECONDS)
        with gateway(tmp_path, **kept) as second:
            assert narrowed.is_seen(second), "from the first call on"
            assert lost.is_seen(second)
    store.freeze()
    with gateway(tmp_path, **kept) as third:
        assert narrowed.is_seen(third), "without Redis"
        assert lost.is_seen(third)
        assert (third.logged("revocations_from_copy", count=1))[0]["records"] == 2
        store.stop()
        store.start()
        everything: Any = {"revocations": {}, "records": {narrowed.jti: narrowed.record, lost.jti: None}}

        def is_taken_back() -> bool:
            """Whether it is; what the gateway gives back after we have looked is found when we look again."""
            published(store, lambda publisher: publisher.reconcile(**everything))
            return third.ask(token=lost.token).status == 200

        until(is_taken_back, "it is not taken back", seconds=SECONDS)
        assert narrowed.is_seen(third)


def test_the_file_beside_it(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A token in the file and in Redis is held to both, also after a reload."""
    jti = str(uuid.uuid4())
    token = fresh(jti=jti)
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({jti: {"allowed_addresses": ["127.0.0.0/8"], "limit_per_minute": 50}}))
    publish(store, jti, {"allowed_addresses": ["127.0.7.0/24"], "cap_per_minute": 90})
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url, tokens=str(file)) as only:
        assert only.ask(token=token).codes == ["00107"]
        answer = only.ask(token=token, source=ELSEWHERE, path=UNITE_LEGALE)
        assert (answer.status, answer.headers["ratelimit-limit"]) == (200, "50")
        publish(store, jti, {"cap_per_minute": 7})
        until(lambda: only.ask(token=token).headers["ratelimit-limit"] == "7", "not in force", seconds=SECONDS)
