"""Credentials that do not change."""

import base64

import pytest

from apientreprise_gateway.upstream.credentials import FixedCredentials, basic, bearer, header_key


async def _sent(credentials: FixedCredentials) -> bytes:
    return await credentials.headers(0.0)


async def test_header_lines() -> None:
    """Each kind is one whole header line."""
    assert await _sent(header_key("X-Api-Key", "the key, with blanks")) == b"X-Api-Key: the key, with blanks\r\n"
    assert await _sent(bearer("abc.def-_~+/=")) == b"Authorization: Bearer abc.def-_~+/=\r\n"
    line = await _sent(basic("user", "pass:wörd"))
    assert base64.b64decode(line.removeprefix(b"Authorization: Basic ")).decode() == "user:pass:wörd"


async def test_a_refusal_changes_nothing() -> None:
    """There is nothing to try instead once fixed credentials are refused."""
    fixed = bearer("abc")
    assert await fixed.headers(0.0, refused=await _sent(fixed)) == await _sent(fixed)


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        *(f"{SECRET}{end}" for end in ("\r\nHost: elsewhere", "\n", "\r", "\0", " ", "é", "\x85", "\u2028", "\x7f")),
        *(f"{start}{SECRET}" for start in (" ", "\t", "\n")),
    ],
)
def test_values_that_a_header_cannot_carry(value: str) -> None:
    """A value that would break out of its header, or change on the way, is refused and not repeated."""
    for make in (bearer, lambda value: header_key("X-Key", value)):
        with pytest.raises(ValueError, match=r"header|blank") as caught:
            make(value)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["", "X Key", "X-Key:", "X\r\nHost", "Clé", "Host", "content-length", "Accept-Encoding"]
)
def test_names_that_no_header_may_have(name: str) -> None:
    """A name that is none, or that the client sets itself, is refused."""
    with pytest.raises(ValueError, match="header"):
        header_key(name, SECRET)


def test_a_user_with_a_colon() -> None:
    """A colon in the name of a user would move the border to the password."""
    with pytest.raises(ValueError, match="colon"):
        basic("us:er", SECRET)


def test_secrets_are_not_shown() -> None:
    """No representation of credentials has the secret."""
    for credentials in (bearer(SECRET), basic("user", SECRET), header_key("X-Key", SECRET)):
        assert SECRET not in repr(credentials) + str(credentials)
