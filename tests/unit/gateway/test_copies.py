"""Tests of the copies of what is revoked, recorded and banned."""

import json
from pathlib import Path
from typing import Any

import pytest

from apientreprise_gateway.auth.record_watch import published_record
from apientreprise_gateway.auth.records import NOTHING
from apientreprise_gateway.auth.revocation import Revocation
from apientreprise_gateway.gateway.copies import Copy, CopyError, Snapshot

OF = "a Redis"
NARROW = '{"scopes":["a"]}'
OLDER: dict[str, Any] = {"redis": OF, "whole": True, "revoked": {"a": [5.0, 4.0]}, "bans": []}


def snapshot(**records: tuple[str, float]) -> Snapshot:
    """What a process knows of some tokens: text and time of change."""
    return Snapshot({}, {jti: published_record(*entry) for jti, entry in records.items()}, (), True)


def test_records_are_kept(tmp_path: Path) -> None:
    """What one process writes, another reads, records that were taken away included, and nobody else may read it."""
    path = tmp_path / "copy.json"
    given = snapshot(a=(NARROW, 4.0), b=("{}", 5.0))
    assert Copy(path, of=OF).write(given) == given
    found = Copy(path, of=OF).read()
    assert found == given
    assert found is not None
    assert found.records["b"].record is NOTHING
    assert path.stat().st_mode & 0o777 == 0o600
    assert Copy(path, of="another").read() is None


def test_records_of_two_processes(tmp_path: Path) -> None:
    """Of what two processes know of one token, what was written last is kept, whoever writes last."""
    path = tmp_path / "copy.json"
    newer, older = snapshot(a=("{}", 5.0), b=(NARROW, 1.0)), snapshot(a=(NARROW, 4.0), c=(NARROW, 1.0))
    both = snapshot(a=("{}", 5.0), b=(NARROW, 1.0), c=(NARROW, 1.0))
    for first, second in ((newer, older), (older, newer)):
        Copy(path, of=OF).write(first)
        assert Copy(path, of=OF).write(second).records == both.records
        path.unlink()


def test_what_did_not_change_is_the_same(tmp_path: Path) -> None:
    """A record is read from its text once, however often the copy is read."""
    path = tmp_path / "copy.json"
    writer, reader = Copy(path, of=OF), Copy(path, of=OF)
    writer.write(snapshot(a=(NARROW, 4.0)))
    first = reader.read()
    writer.write(snapshot(a=(NARROW, 4.0), b=(NARROW, 5.0)))
    second = reader.read()
    assert first is not None
    assert second is not None
    assert second.records["a"] is first.records["a"]


def test_a_copy_of_an_older_version(tmp_path: Path) -> None:
    """One that was written before there were records has none, and its revocations hold."""
    path = tmp_path / "copy.json"
    path.write_text(json.dumps(OLDER))
    found = Copy(path, of=OF).read()
    assert found == Snapshot({"a": Revocation(5.0, 4.0)}, {}, (), True)


@pytest.mark.parametrize("records", [None, [], {"a": NARROW}, {"a": ["no JSON", 1]}, {"a": [NARROW, "1"]}])
def test_records_that_are_none(tmp_path: Path, records: Any) -> None:
    """A copy with something else in the place of records is no copy."""
    path = tmp_path / "copy.json"
    path.write_text(json.dumps({**OLDER, "records": records}))
    with pytest.raises(CopyError):
        Copy(path, of=OF).read()
