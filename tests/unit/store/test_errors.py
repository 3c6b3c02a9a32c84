"""Tests of what errors of Redis are about."""

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import ResponseError

from apientreprise_gateway.store.errors import CODES, About, about


def error(text: str) -> ResponseError:
    """The error that the client library makes of what a server answers."""
    made = BaseParser.parse_error(text)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    assert isinstance(made, ResponseError)
    return made


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("READONLY You can't write against a read only replica.", About.STORE),
        ("OOM command not allowed when used memory > 'maxmemory'. script: 0, on @user_script:27.", About.STORE),
        ("MISCONF Redis is configured to save RDB snapshots", About.STORE),
        ("NOREPLICAS Not enough good replicas to write.", About.STORE),
        ("BUSY Redis is busy running a script.", About.STORE),
        ("MASTERDOWN Link with MASTER is down", About.STORE),
        ("CLUSTERDOWN Hash slot not served", About.STORE),
        ("NOPERM User x has no permissions to run the 'evalsha' command", About.STORE),
        ("ERR ACL failure in script: No permissions to access a key script: 0, on @user_script:8.", About.STORE),
        ("ERR Error running script (call to f_0): @user_script:8: -OOM command not allowed", About.STORE),
        ("ERR Error running script (call to f_0): @user_script:8: -READONLY You can't write", About.STORE),
        ("ERR unknown command 'EVALSHA', with args beginning with:", About.STORE),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", About.KEY),
        ("WRONGTYPE Operation against a key holding the wrong kind of value script: 0, on @user_script:8.", About.KEY),
        ("ERR Error running script (call to f_0): @user_script:8: WRONGTYPE Operation against a key", About.KEY),
        ("ERR user_script:13: attempt to perform arithmetic on a nil value script: 0, on @user_script:13.", About.KEY),
        ("ERR hash value is not an integer", About.KEY),
        ("ERR value is not an integer or out of range", About.KEY),
        ("ERR increment or decrement would overflow", About.KEY),
        ("MOVED 1234 127.0.0.1:7001", About.COMMAND),
        ("ASK 1234 127.0.0.1:7001", About.COMMAND),
        ("CROSSSLOT Keys in request don't hash to the same slot", About.COMMAND),
        ("TRYAGAIN Multiple keys request during rehashing of slot", About.COMMAND),
        ("ERR something that nobody has thought of", About.COMMAND),
        ("", About.COMMAND),
    ],
)
def test_what_an_error_is_about(text: str, meaning: About) -> None:
    """An error is the store's only if it says that nothing can be written; any other is its key's or its command's."""
    assert about(error(text)) is meaning
    assert about(ResponseError(text)) is meaning


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if meaning is not About.COMMAND])
def test_codes_of_the_store_do_not_hide_in_words(code: str) -> None:
    """A code counts as a word of its own, not as a part of another one, such as of a key's name."""
    assert about(ResponseError(f"ERR no such key X{code}Y")) is About.COMMAND
