"""What `serve` refuses to start with: a store that several processes could not share, or an address that is none."""

import pytest

from support import programs
from support.tokens import SECRET

USUAL = {"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:1"}
PASSWORD = "s3cr3t-p4ssw0rd"
WRONG = [
    f"http://:{PASSWORD}@127.0.0.1:6379/0",
    f"redis+other://:{PASSWORD}@127.0.0.1:6379",
    f"redis://:{PASSWORD}@",
    f"redis://user:{PASSWORD}@127.0.0.1:99999/0",
    f"redis://user:{PASSWORD}@127.0.0.1:port/0",
    f"redis://:{PASSWORD}@127.0.0.1/base",
    f"redis://:{PASSWORD}@127.0.0.1/0/1",
    f"redis://:{PASSWORD}@[::1/0",
    f"redis://:{PASSWORD}@one,two",
    f"redis+sentinel://:{PASSWORD}@127.0.0.1:26379",
    f"redis+cluster://:{PASSWORD}@127.0.0.1:6379/3",
    f"redis://user:{PASSWORD}/x@127.0.0.1:6379/0",
    f"redis://user:{PASSWORD}?x@127.0.0.1:6379/0",
    f"redis://user:{PASSWORD}\u2100x@127.0.0.1:6379/0",
    PASSWORD,
]


def _is_one_line(text: str, *names: str) -> bool:
    return text.count("\n") == 1 and all(name in text for name in names)


def test_several_workers_need_a_store() -> None:
    """Two workers without Redis could not count together: the start is refused with one line that says so."""
    refused = programs.run("serve", "--workers", "2", "--port", "0", **USUAL)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert _is_one_line(refused.stderr, "--workers 2", "GATEWAY_REDIS_URL")


def test_no_worker_at_all() -> None:
    """A number of workers below one is refused."""
    refused = programs.run("serve", "--workers", "0", "--port", "0", **USUAL)
    assert refused.returncode == 2
    assert _is_one_line(refused.stderr, "--workers 0")


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_address_is_refused_without_its_password(url: str) -> None:
    """An address that names no Redis is refused with one line, which does not show the password."""
    refused = programs.run("serve", "--port", "0", redis_url=url, **USUAL)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert _is_one_line(refused.stderr, "GATEWAY_REDIS_URL")
    assert PASSWORD not in refused.stderr


@pytest.mark.parametrize("arguments", [("serve", "--workers", "2", "--port", "0"), ("bans", "list"), ("check",)])
def test_every_command_refuses_a_wrong_address(arguments: tuple[str, ...]) -> None:
    """Workers, the list of bans and the check refuse it in the same way."""
    refused = programs.run(*arguments, redis_url=f"redis://:{PASSWORD}@one,two", **USUAL)
    assert refused.returncode == 2
    assert _is_one_line(refused.stderr, "GATEWAY_REDIS_URL")
    assert PASSWORD not in refused.stderr


def test_a_store_that_is_away_is_told_without_its_password() -> None:
    """Where the store cannot be asked, commands that need it say so in one line, without the password."""
    refused = programs.run("bans", "list", redis_url=f"redis://:{PASSWORD}@127.0.0.1:1/0")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert _is_one_line(refused.stderr, "GATEWAY_REDIS_URL")
    assert PASSWORD not in refused.stderr
