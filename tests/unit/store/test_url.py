"""Tests of how the address of Redis is written."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.store.url import Form, RedisUrl, parse_url

NOBODY = {"username": None, "password": None}


@pytest.mark.parametrize(
    ("url", "nodes", "db"),
    [
        ("redis://localhost", (("localhost", 6379),), 0),
        ("redis://localhost/", (("localhost", 6379),), 0),
        ("redis://localhost:6380", (("localhost", 6380),), 0),
        ("redis://localhost:6380/3", (("localhost", 6380),), 3),
        ("redis://localhost/15", (("localhost", 6379),), 15),
        ("redis://192.0.2.1:7000/0", (("192.0.2.1", 7000),), 0),
        ("redis://[::1]", (("::1", 6379),), 0),
        ("redis://[2001:db8::1]:7000/2", (("2001:db8::1", 7000),), 2),
        ("REDIS://localhost", (("localhost", 6379),), 0),
    ],
)
def test_server(url: str, nodes: tuple[tuple[str, int], ...], db: int) -> None:
    """A server has a host, and perhaps a port and the number of a database."""
    assert parse_url(url) == RedisUrl(Form.SERVER, nodes, "", {**NOBODY, "db": db})


@pytest.mark.parametrize(
    ("url", "nodes"),
    [
        ("redis+cluster://one", (("one", 6379),)),
        ("redis+cluster://one:7000,two:7001,three:7002", (("one", 7000), ("two", 7001), ("three", 7002))),
        ("redis+cluster://one,two:7001", (("one", 6379), ("two", 7001))),
        (
            "redis+cluster://[::1]:7000,[2001:db8::2],192.0.2.1/",
            (("::1", 7000), ("2001:db8::2", 6379), ("192.0.2.1", 6379)),
        ),
    ],
)
def test_cluster(url: str, nodes: tuple[tuple[str, int], ...]) -> None:
    """A Cluster has one host or several, and no database."""
    assert parse_url(url) == RedisUrl(Form.CLUSTER, nodes, "", NOBODY)


@pytest.mark.parametrize(
    ("url", "nodes", "service", "db"),
    [
        ("redis+sentinel://one/mymaster", (("one", 26379),), "mymaster", 0),
        ("redis+sentinel://one:5000/mymaster/", (("one", 5000),), "mymaster", 0),
        ("redis+sentinel://one,two:5000/main/4", (("one", 26379), ("two", 5000)), "main", 4),
        ("redis+sentinel://[::1],[::2]:5000/7/4", (("::1", 26379), ("::2", 5000)), "7", 4),
        ("redis+sentinel://one/7", (("one", 26379),), "7", 0),
    ],
)
def test_sentinel(url: str, nodes: tuple[tuple[str, int], ...], service: str, db: int) -> None:
    """Sentinels have a port of their own by default, and the name of a service, which may look like a number."""
    assert parse_url(url) == RedisUrl(Form.SENTINEL, nodes, service, {**NOBODY, "db": db})


@pytest.mark.parametrize("form", ["", "+cluster", "+sentinel"])
def test_tls(form: str) -> None:
    """`rediss` is TLS, in every form; `redis` says nothing of it."""
    assert (
        parse_url(f"rediss{form}://one/main" if form == "+sentinel" else f"rediss{form}://one").options["ssl"] is True
    )
    assert "ssl" not in parse_url(f"redis{form}://one/main" if form == "+sentinel" else f"redis{form}://one").options


@pytest.mark.parametrize(
    ("written", "username", "password"),
    [
        ("user:secret@", "user", "secret"),
        (":secret@", None, "secret"),
        ("user@", "user", None),
        ("user:@", "user", None),
        ("@", None, None),
        ("us%65r:p%40ss%3Aword%2F%2C%25@", "user", "p@ss:word/,%"),
        ("user:a:b@", "user", "a:b"),
        ("user:a@b@", "user", "a@b"),
        ("user:a,b@", "user", "a,b"),
        ("user:caf%C3%A9@", "user", "café"),
        ("user:a+b@", "user", "a+b"),
    ],
)
@pytest.mark.parametrize(
    ("scheme", "rest"),
    [("redis", "one:7000"), ("redis+cluster", "one:7000,two:7000"), ("redis+sentinel", "one:7000,two:7000/main")],
)
def test_credentials(scheme: str, rest: str, written: str, username: str | None, password: str | None) -> None:
    """A user and a password stand before the first host, percent-encoded where they must be."""
    address = parse_url(f"{scheme}://{written}{rest}")
    assert (address.options["username"], address.options["password"]) == (username, password)
    assert [port for _, port in address.nodes] == [7000] * len(address.nodes)
    assert address.nodes[0][0] == "one"


@given(
    user=st.text(min_size=1),
    password=st.text(min_size=1),
    host=st.sampled_from(["one", "192.0.2.1", "[2001:db8::1]"]),
    port=st.integers(1, 65535),
    db=st.integers(0, 10_000),
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_quoted_is_read(user: str, password: str, host: str, port: int, db: int) -> None:
    """Any user and any password come through percent-encoding as they are."""
    address = parse_url(f"redis://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}/{db}")
    options = {"username": user, "password": password, "db": db}
    assert address == RedisUrl(Form.SERVER, ((host.strip("[]"), port),), "", options)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "localhost:6379",
        "//localhost",
        "http://localhost",
        "redis",
        "redis:",
        "redis+://localhost",
        "redis+clusters://localhost",
        "redis+cluster+sentinel://localhost",
        "redisss://localhost",
        "unix:///run/redis.sock",
        "redis://",
        "redis:///0",
        "redis://:6379",
        "redis://user:secret@",
        "redis://one,two",
        "redis://one,",
        "redis://one/a",
        "redis://one/0/1",
        "redis://one/-1",
        "redis://one/0x1",
        "redis://one:port",
        "redis://one:65536",
        "redis://one:-1",
        "redis://[::1",
        "redis+cluster://one,,two",
        "redis+cluster://,",
        "redis+cluster://one/0",
        "redis+cluster://one/main",
        "redis+cluster://one:a,two",
        "redis+sentinel://one",
        "redis+sentinel://one/",
        "redis+sentinel://one/main/zero",
        "redis+sentinel://one/main/0/1",
        "redis+sentinel:///main",
    ],
)
def test_what_is_none(url: str) -> None:
    """What is no address of Redis is refused."""
    with pytest.raises(ValueError, match=r"."):
        parse_url(url)


@pytest.mark.parametrize(
    "url", ["redis://one:0", "redis://one/²", "redis://one?db=3", "redis://one/3?ssl=true", "redis://one/3#4"]
)
def test_what_would_be_understood_otherwise(url: str) -> None:
    """What would silently be taken for something else is refused."""
    with pytest.raises(ValueError, match=r"."):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://localhost", "must start with redis://"),
        ("redis://one,two", "redis\\+cluster"),
        ("redis+sentinel://one", "name of the service"),
        ("redis+cluster://one/0", "a Cluster has none"),
        ("redis://", "host is missing"),
    ],
)
def test_complaint_says_what_is_wrong(url: str, complaint: str) -> None:
    """The complaint says what would be right."""
    with pytest.raises(ValueError, match=complaint):
        parse_url(url)


def test_complaint_keeps_the_password_to_itself() -> None:
    """No complaint repeats a password."""
    for url in (
        "redis://u:hunter2@one,two",
        "redis://u:hunter2@one:port",
        "http://u:hunter2@one",
        "redis://u:hunter2@",
    ):
        with pytest.raises(ValueError, match=r".") as raised:
            parse_url(url)
        assert "hunter2" not in str(raised.value)
