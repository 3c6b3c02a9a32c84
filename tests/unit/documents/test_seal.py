"""The secret of a store: one for all who share it, given back if it is lost."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from apientreprise_gateway.documents.links import DocumentLink, new_link
from apientreprise_gateway.documents.local import LocalStore
from apientreprise_gateway.documents.seal import Seals
from apientreprise_gateway.documents.store import SECRET_BYTES, NullStore, StoreError


def made(secret: bytes) -> DocumentLink:
    """A link that has ended."""
    return new_link(ends=1, name="a.pdf", secret=secret)


@pytest.mark.parametrize("refusal", [None, errno.EPERM, errno.EOPNOTSUPP])
async def test_all_who_share_a_folder_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int | None
) -> None:
    """Processes that begin on a folder end up with one secret, also where files have one name alone."""
    if refusal is not None:

        def refuse(*_arguments: object) -> None:
            raise OSError(refusal, os.strerror(refusal))

        monkeypatch.setattr(os, "link", refuse)

    stores = [LocalStore(tmp_path / "d") for _ in range(3)]
    seals = [Seals(store) for store in stores]
    found = await asyncio.gather(*(each.current() for each in seals))
    for each in seals:
        await each.refresh()
    assert len({await each.current() for each in seals}) == 1
    assert len(set(found)) == 1
    for each in seals:
        assert all([await each.are_on(made(secret)) for secret in (found[0], await seals[0].current())])
        assert not await each.are_on(made(b"x" * 32))
    for store in stores:
        await store.close()
    assert [each.name for each in (tmp_path / "d" / "incoming").iterdir()] == []


@pytest.mark.parametrize("left", [None, b"", b"short"])
async def test_what_is_lost_is_given_back(tmp_path: Path, left: bytes | None) -> None:
    """A secret that has gone, or was cut, is put back by who knows it; one that is another's is taken up."""
    now = 0.0
    store = LocalStore(tmp_path / "d")
    seals = Seals(store, clock=lambda: now)
    first, place = await seals.current(), tmp_path / "d" / "seal"
    place.unlink()
    if left is not None:
        place.write_bytes(left)
    assert await seals.current() == first
    await seals.refresh()
    assert place.read_bytes() == first
    place.write_bytes(b"o" * SECRET_BYTES)
    assert not await seals.are_on(made(b"o" * SECRET_BYTES))
    now += 11
    assert await seals.are_on(made(b"o" * SECRET_BYTES))
    assert await seals.are_on(made(first))
    await store.close()


class Away(NullStore):
    """A store that can be asked only now and then."""

    there = False

    async def secret(self, proposed: bytes) -> bytes:
        """What it is told, if it is there."""
        if not self.there:
            raise StoreError("away")
        return proposed


async def test_a_store_that_is_away() -> None:
    """Without any secret nothing can be told; with one, a store that goes away changes nothing."""
    store = Away()
    seals = Seals(store)
    with pytest.raises(StoreError):
        await seals.are_on(made(b"x"))
    store.there = True
    secret = await seals.current()
    store.there = False
    await seals.refresh()
    assert await seals.current() == secret
    assert await seals.are_on(made(secret))
