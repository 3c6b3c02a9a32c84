"""Set-up of redis-py, which finds the servers, opens connections and authenticates."""

from typing import Any, Final

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff

from apientreprise_gateway.store.sentinel import sentinel
from apientreprise_gateway.store.url import Form, RedisUrl

_CONNECT_SECONDS: Final = 0.1


def open_client(address: RedisUrl, *, timeout: float | None = None) -> Redis | RedisCluster:
    """A client of redis-py that never retries; it opens no connection yet.

    Args:
        address: of a server, of a Cluster, or of Sentinels.
        timeout: seconds that a connection and each reply may take; None for no limit on replies.
    """
    usual: dict[str, Any] = {
        **address.options,
        "protocol": 2,
        "socket_connect_timeout": timeout or _CONNECT_SECONDS,
        "socket_timeout": timeout,
    }
    never: Any = Retry(NoBackoff(), 0)
    if address.form is Form.CLUSTER:
        nodes = [ClusterNode(host, port) for host, port in address.nodes]
        return RedisCluster(startup_nodes=nodes, retry=never, **usual)
    if address.form is Form.SENTINEL:
        quick = {"socket_connect_timeout": timeout or _CONNECT_SECONDS, "socket_timeout": timeout or _CONNECT_SECONDS}
        found: Redis = sentinel(address.nodes, own={**quick, "retry": never}, retry=never, **usual).master_for(
            address.service
        )
        return found
    ((host, port),) = address.nodes
    return Redis(host=host, port=port, retry=never, **usual)


async def close_client(redis: Redis | RedisCluster) -> None:
    """Close a client, and those of the Sentinels that it asks."""
    await redis.aclose()
    if isinstance(redis, Redis) and isinstance(redis.connection_pool, SentinelConnectionPool):
        for sentinel in redis.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()
