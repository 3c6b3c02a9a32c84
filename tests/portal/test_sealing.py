"""The ring that seals what the database keeps."""

import pytest
from pydantic import SecretStr

from apientreprise_gateway.config.environment import SettingsError
from apientreprise_gateway.portal.sealing import Sealer, SealError

OLD, NEW, OTHER = (SecretStr(letter * 40) for letter in "abc")


def test_what_was_sealed_is_opened_after_a_new_secret() -> None:
    """The first secret seals; the others open."""
    sealed = Sealer([OLD]).seal(b"x")
    assert Sealer([NEW, OLD]).open(sealed) == b"x"
    assert b"x" not in sealed.split()
    assert Sealer([NEW]).open(Sealer([NEW, OLD]).seal(b"y")) == b"y"


@pytest.mark.parametrize(
    "changed", [lambda sealed: sealed[:-4] + b"AAA=", lambda _sealed: b"", lambda _sealed: b"\xff"]
)
def test_what_was_changed_is_not_opened(changed: "object") -> None:
    """Neither a forgery nor what another ring sealed is opened."""
    sealed = Sealer([OLD]).seal(b"secret")
    with pytest.raises(SealError):
        Sealer([OLD]).open(changed(sealed))  # type: ignore[operator]
    with pytest.raises(SealError):
        Sealer([OTHER]).open(sealed)


def test_digests_are_keyed_and_of_a_kind() -> None:
    """Equal for one kind and text; another kind, text or secret gives another."""
    ours = Sealer([OLD])
    assert ours.digest("mail", "a@b.example") == Sealer([OLD, NEW]).digest("mail", "a@b.example")
    others = {
        ours.digest("mail", "a@b.example"),
        ours.digest("link", "a@b.example"),
        ours.digest("mail", "c@b.example"),
        Sealer([NEW]).digest("mail", "a@b.example"),
    }
    assert len(others) == 4
    assert {len(each) for each in others} == {32}


def test_without_a_ring_nothing_is_sealed() -> None:
    """The setting is named."""
    with pytest.raises(SettingsError, match="PORTAL_SECRET_KEYS"):
        Sealer([])
