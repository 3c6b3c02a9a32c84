"""Files that change in any way while a gateway serves: tokens, a key set, its copy. Both workers follow."""

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from support.fleet import Gateway, gateway, together
from support.issuer import Issuer, publishing
from support.site import fresh
from support.stores import Server, until
from support.stub import Stub

Change = Callable[[Path, bytes], None]
"""Gives a file another content of the same size."""


def _with_the_date_of(path: Path, content: bytes, like: Path) -> Path:
    stat = like.stat()
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return path


def replaced(path: Path, content: bytes) -> None:
    """As `rsync -t` does: another file of the same date takes its place."""
    _with_the_date_of(path.with_name("new"), content, path).replace(path)


def rewritten(path: Path, content: bytes) -> None:
    """As `rsync -t --inplace` does: the same file, with the same date."""
    _with_the_date_of(path, content, path)


def gone_and_back(path: Path, content: bytes) -> None:
    """Deleted, then there again."""
    new = _with_the_date_of(path.with_name("new"), content, path)
    path.unlink()
    new.rename(path)


def refilled(path: Path, content: bytes) -> None:
    """Emptied, then written anew in two halves."""
    path.write_bytes(b"")
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        file.write(content[len(content) // 2 :])


def turned(path: Path, content: bytes) -> None:
    """As a volume of Kubernetes does: a link on the way to the file is turned."""
    folder = path.with_name(f"..{uuid.uuid4().hex}")
    folder.mkdir()
    _with_the_date_of(folder / path.name, content, path)
    link = path.with_name("..data")
    if not path.is_symlink():
        (path.with_name("..old")).mkdir()
        shutil.copy2(path, path.with_name("..old") / path.name)
        link.symlink_to("..old")
        path.with_name("link").symlink_to(f"..data/{path.name}")
        path.with_name("link").replace(path)
    path.with_name("..data_tmp").symlink_to(folder.name)
    path.with_name("..data_tmp").replace(link)


WAYS = [replaced, rewritten, gone_and_back, refilled, turned]


def _all_answer(both: Gateway, token: str, status: int) -> bool:
    """Whether every one of some calls gets a status; mostly both workers have some of them, but that is chance."""
    return {each.status for each in together([lambda: both.ask(token=token)] * 8)} == {status}


def _answers_become(both: Gateway, token: str, status: int, by: Change) -> None:
    """Wait until no worker gives another status: one of them may have seen the change before the other.

    Calls are made several times over, as all of them may come to the one that has.
    """
    until(lambda: all(_all_answer(both, token, status) for _ in range(4)), f"{by.__name__}: it is not seen")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the file is."""
    (tmp_path / "mounted").mkdir()
    return tmp_path / "mounted"


def test_tokens_that_change_in_every_way(tmp_path: Path, folder: Path, store: Server, provider: Stub) -> None:
    """A revocation that comes in any of these ways is in force within moments, in a file of the same size and date."""
    path = folder / "tokens.json"
    path.write_text(json.dumps({str(uuid.uuid4()): {"revoked_at": "2020-01-01"}}))
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, tokens=str(path)) as both:
        for change in (*WAYS, turned):
            jti = str(uuid.uuid4())
            token = fresh(jti=jti)
            assert _all_answer(both, token, 200)
            change(path, json.dumps({jti: {"revoked_at": "2020-01-01"}}).encode())
            _answers_become(both, token, 401, change)


def test_a_key_set_that_changes_in_every_way(tmp_path: Path, folder: Path, store: Server, provider: Stub) -> None:
    """A key that is withdrawn from the file in any of these ways opens nothing any more."""
    issuer, path = Issuer(), folder / "jwks.json"
    path.write_bytes(issuer.published("k0"))
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, jwks=str(path)) as both:
        assert _all_answer(both, issuer.token("k0"), 200)
        for number, change in enumerate(WAYS):
            old, new = issuer.token(f"k{number}"), issuer.token(f"k{number + 1}")
            change(path, issuer.published(f"k{number + 1}"))
            _answers_become(both, old, 401, change)
            _answers_become(both, new, 200, change)


def test_a_copy_that_is_replaced(tmp_path: Path, folder: Path, store: Server, provider: Stub) -> None:
    """What another gateway puts in the place of the copy is taken over, of the same size and date as well."""
    issuer, copy = Issuer(), folder / "copy.json"
    with (
        publishing(issuer.published("k0")) as keys,
        gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, jwks=keys.url, jwks_copy=str(copy)) as both,
    ):
        assert _all_answer(both, issuer.token("k0"), 200)
        replaced(copy, issuer.published("k1"))
        _answers_become(both, issuer.token("k1"), 200, replaced)
        _answers_become(both, issuer.token("k0"), 401, replaced)
