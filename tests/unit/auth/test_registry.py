"""Tests of what is known of single tokens."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.auth import registry as registry_module
from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.registry import read as read_content

JTI = "6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10"
OTHER = "0d3c1b52-8c34-4f39-9d0e-0d3b7a1a9c55"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


class Clock:
    """A clock that stands still until told otherwise; seconds."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time."""
        return self.now


class File:
    """The file of tokens; each change gives it a new date."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tokens.json"
        self._date = 1_700_000_000

    def write(self, content: object) -> Path:
        """Replace the content; bytes are written as they are."""
        self.path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        self._date += 1
        os.utime(self.path, (self._date, self._date))
        return self.path


def read(path: Path) -> dict[str, TokenRecord]:
    """The records of a file."""
    return read_content(path, path.read_bytes())


@pytest.fixture
def file(tmp_path: Path) -> File:
    """A file of tokens, not written yet."""
    return File(tmp_path)


def revoked(at: str) -> dict[str, object]:
    """The content that revokes the token at an instant."""
    return {JTI: {"revoked_at": at}}


# Revocation.


def test_no_file() -> None:
    """Without a file nothing is known of any token."""
    registry = TokenRegistry()
    registry.refresh()
    assert registry.records.get(JTI) is None
    assert not registry.is_revoked(JTI)


def test_revocation_takes_effect_at_its_instant(file: File) -> None:
    """A revocation that lies in the future holds from its instant on."""
    clock = Clock()
    registry = TokenRegistry(file.write(revoked("2026-03-02T12:00:30Z")), now=clock)
    assert not registry.is_revoked(JTI)
    clock.now = NOON + 29.999
    assert not registry.is_revoked(JTI)
    clock.now = NOON + 30
    assert registry.is_revoked(JTI)
    clock.now = NOON + 10**9
    assert registry.is_revoked(JTI)
    assert not registry.is_revoked(OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T12:00:00Z",
        "2026-03-02T12:00:00+00:00",
        "2026-03-02T13:00:00+01:00",
        "2026-03-02T12:00:00",
        "2026-03-02 12:00:00",
        "2026-03-02T12:00:00.000000Z",
    ],
)
def test_spellings_of_an_instant(file: File, text: str) -> None:
    """An instant is ISO 8601, in UTC unless it says otherwise."""
    assert read(file.write(revoked(text)))[JTI].revoked_at == NOON


def test_date_alone(file: File) -> None:
    """A date is its first moment, in UTC."""
    assert read(file.write(revoked("2026-03-02")))[JTI].revoked_at == NOON - 12 * 3600


def test_record_without_revocation(file: File) -> None:
    """A token may be known without being revoked."""
    registry = TokenRegistry(file.write({JTI: {}}), now=Clock())
    assert registry.records.get(JTI) == TokenRecord()
    assert not registry.is_revoked(JTI)


# Addresses.


def test_allowed_addresses(file: File) -> None:
    """A token with a list of addresses may be used from those, and from nowhere else."""
    record = read(file.write({JTI: {"allowed_addresses": ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]}}))[JTI]
    for client in ("192.0.2.1", "192.0.2.255", "198.51.100.7", "2001:db8:5::1", "::ffff:192.0.2.1"):
        assert record.allows(client), client
    for client in ("192.0.3.1", "198.51.100.8", "2001:db9::1", "unknown", ""):
        assert not record.allows(client), client


@pytest.mark.parametrize("entry", [{}, {"allowed_addresses": []}])
def test_no_list_is_anywhere(file: File, entry: dict[str, object]) -> None:
    """Without a list, or with an empty one, a token may be used from anywhere."""
    record = read(file.write({JTI: entry}))[JTI]
    assert record.allows("192.0.2.1")
    assert record.allows("unknown")


# Limits.


@pytest.mark.parametrize("limit", [1, 5, 100_000])
def test_limit_of_its_own(file: File, limit: int) -> None:
    """A token may have a limit of its own."""
    assert read(file.write({JTI: {"limit_per_minute": limit}}))[JTI].limit_per_minute == limit


@pytest.mark.parametrize("entry", [{}, {"limit_per_minute": None}])
def test_no_limit_of_its_own(file: File, entry: dict[str, object]) -> None:
    """A token without a limit of its own has none here."""
    assert read(file.write({JTI: entry}))[JTI].limit_per_minute is None


def test_wrong_limit_is_explained(file: File) -> None:
    """A limit that is none is named with its token and with what it must be."""
    with pytest.raises(ValueError, match=rf"{OTHER} is wrong \(limit_per_minute must be .* at least 1\)"):
        read(file.write({JTI: {"limit_per_minute": 5}, OTHER: {"limit_per_minute": 0}}))


def test_limit_changes_with_the_file(file: File) -> None:
    """A limit of its own is that of the file as it is now."""
    registry = TokenRegistry(file.write({JTI: {"limit_per_minute": 5}}))
    for limit in (500, None):
        file.write({JTI: {"limit_per_minute": limit}})
        registry.refresh()
        record = registry.records.get(JTI)
        assert record is not None
        assert record.limit_per_minute == limit


# Revocations known elsewhere.


def test_revocation_from_elsewhere() -> None:
    """A token that is revoked elsewhere is revoked from its date on, without a file."""
    clock = Clock()
    registry = TokenRegistry(now=clock)
    registry.revoke({JTI: NOON + 30})
    clock.now = NOON + 29.999
    assert not registry.is_revoked(JTI)
    clock.now = NOON + 30
    assert registry.is_revoked(JTI)
    assert not registry.is_revoked(OTHER)
    assert registry.records.get(JTI) is None


@pytest.mark.parametrize(("in_file", "elsewhere"), [(30, 60), (60, 30), (30, 30)])
def test_earlier_of_two_dates(file: File, in_file: int, elsewhere: int) -> None:
    """A token that is revoked in the file and elsewhere is revoked at the earlier date."""
    clock = Clock()
    date = datetime.fromtimestamp(NOON + in_file, UTC).isoformat()
    registry = TokenRegistry(file.write(revoked(date)), now=clock)
    registry.revoke({JTI: NOON + elsewhere})
    clock.now = NOON + 29.999
    assert not registry.is_revoked(JTI)
    clock.now = NOON + 30
    assert registry.is_revoked(JTI)


def test_revocations_replace_those_before() -> None:
    """What is taken from elsewhere stands for all of it: a date may change, and a revocation may be gone."""
    registry = TokenRegistry(now=Clock())
    registry.revoke({JTI: NOON, OTHER: NOON})
    assert registry.is_revoked(JTI)
    registry.revoke({OTHER: NOON + 1})
    assert not registry.is_revoked(JTI)
    assert not registry.is_revoked(OTHER)


def test_revocations_survive_a_change_of_the_file(file: File) -> None:
    """Reading the file anew does not touch what is known from elsewhere, nor the other way round."""
    registry = TokenRegistry(file.write({}), now=Clock())
    registry.revoke({OTHER: NOON})
    file.write(revoked("2026-03-02T11:00:00Z"))
    registry.refresh()
    assert registry.is_revoked(OTHER)
    assert registry.is_revoked(JTI)
    registry.revoke({})
    assert not registry.is_revoked(OTHER)
    assert registry.is_revoked(JTI)


# The file.


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        [],
        None,
        5,
        {JTI: []},
        {JTI: None},
        {JTI: {"revoked": "2026-03-02"}},
        {JTI: {"revoked_at": "soon"}},
        {JTI: {"revoked_at": ""}},
        {JTI: {"revoked_at": 5}},
        {JTI: {"revoked_at": True}},
        {JTI: {"allowed_addresses": "192.0.2.1"}},
        {JTI: {"allowed_addresses": None}},
        {JTI: {"allowed_addresses": ["example.org"]}},
        {JTI: {"allowed_addresses": ["10.0.0.0/33"]}},
        {JTI: {"allowed_addresses": [5.5]}},
        {JTI: {"limit_per_minute": 0}},
        {JTI: {"limit_per_minute": -1}},
        {JTI: {"limit_per_minute": 2.5}},
        {JTI: {"limit_per_minute": 5.0}},
        {JTI: {"limit_per_minute": "5"}},
        {JTI: {"limit_per_minute": True}},
        {JTI: {"limit_per_minute": False}},
        {JTI: {"limit_per_minute": [5]}},
    ],
)
def test_broken_file_stops_the_start(file: File, content: object) -> None:
    """A file that is not what it should be is refused, and named."""
    with pytest.raises(ValueError, match=r"tokens\.json"):
        TokenRegistry(file.write(content))


def test_broken_entry_is_named(file: File) -> None:
    """The token whose entry is wrong is named."""
    with pytest.raises(ValueError, match=OTHER):
        TokenRegistry(file.write({JTI: {}, OTHER: {"revoked_at": "soon"}}))


def test_missing_file_stops_the_start(tmp_path: Path) -> None:
    """A file that does not exist is refused."""
    with pytest.raises(ValueError, match="cannot be read"):
        TokenRegistry(tmp_path / "tokens.json")


def test_change_is_read(file: File) -> None:
    """A file that has changed is read anew, whatever was taken out of it included."""
    registry = TokenRegistry(file.write({OTHER: {}}), now=Clock())
    assert not registry.is_revoked(JTI)
    file.write(revoked("2026-03-02T11:00:00Z"))
    with capture_logs() as logs:
        registry.refresh()
    assert registry.is_revoked(JTI)
    assert registry.records.get(OTHER) is None
    assert [(line["event"], line["records"]) for line in logs] == [("tokens_file_read", 1)]


def test_same_size_other_date(file: File) -> None:
    """A change that leaves the size as it was is seen by the date."""
    registry = TokenRegistry(file.write(revoked("2026-03-02T13:00:00Z")), now=Clock())
    file.write(revoked("2026-03-02T11:00:00Z"))
    registry.refresh()
    assert registry.is_revoked(JTI)


def test_unchanged_file_is_not_read(file: File) -> None:
    """A file that has not changed is left alone."""
    registry = TokenRegistry(file.write(revoked("2026-03-02T11:00:00Z")), now=Clock())
    with capture_logs() as logs:
        registry.refresh()
    assert logs == []


def test_broken_change_keeps_what_was_known(file: File) -> None:
    """A change that cannot be read leaves the former records in force, and is complained of once."""
    registry = TokenRegistry(file.write(revoked("2026-03-02T11:00:00Z")), now=Clock())
    with capture_logs() as logs:
        file.write(b"{")
        for _ in range(3):
            registry.refresh()
    assert registry.is_revoked(JTI)
    assert [(line["event"], line["log_level"]) for line in logs] == [("tokens_file_unreadable", "error")]


def test_vanished_file_keeps_what_was_known(file: File) -> None:
    """A file that was removed leaves the former records in force, is complained of once, and may come back."""
    registry = TokenRegistry(file.write(revoked("2026-03-02T11:00:00Z")), now=Clock())
    file.path.unlink()
    with capture_logs() as logs:
        for _ in range(3):
            registry.refresh()
    assert registry.is_revoked(JTI)
    assert [line["event"] for line in logs] == ["tokens_file_unreadable"]
    file.write({})
    registry.refresh()
    assert not registry.is_revoked(JTI)


def test_complains_again_after_a_repair(file: File) -> None:
    """Trouble that comes back after it was gone is complained of again."""
    registry = TokenRegistry(file.write({}), now=Clock())
    with capture_logs() as logs:
        contents: list[object] = [b"{", {}, b"{"]
        for content in contents:
            file.write(content)
            registry.refresh()
    assert [line["event"] for line in logs] == ["tokens_file_unreadable", "tokens_file_read", "tokens_file_unreadable"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_made_readable_later(file: File) -> None:
    """A change that could not be read at first is in force once it can be, though the file is as old as before."""
    registry = TokenRegistry(file.write({}), now=Clock())
    file.write(revoked("2026-03-02T11:00:00Z"))
    file.path.chmod(0)
    registry.refresh()
    file.path.chmod(0o600)
    registry.refresh()
    assert registry.is_revoked(JTI)


async def test_watching(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is watched, a change is found without being asked for."""
    monkeypatch.setattr(registry_module, "POLL_SECONDS", 0)
    registry = TokenRegistry(file.write({}), now=Clock())
    watcher = asyncio.create_task(registry.watch())
    file.write(revoked("2026-03-02T11:00:00Z"))
    async with asyncio.timeout(60):
        while not registry.is_revoked(JTI):
            await asyncio.sleep(0)
    watcher.cancel()


def test_poll_is_a_second() -> None:
    """A revocation is in force at most a second after it was written."""
    assert registry_module.POLL_SECONDS <= 1


@pytest.mark.parametrize(
    "content",
    [
        f'{{"{JTI}": {{"revoked_at": "2020-01-01"}}, "{JTI}": {{}}}}',
        f'{{"{JTI}": {{"revoked_at": "2020-01-01"}}, "{JTI.upper()}": {{}}}}',
        f'{{"{JTI}": {{"revoked_at": "2020-01-01", "revoked_at": null}}}}',
    ],
)
def test_a_token_named_twice(file: File, content: str) -> None:
    """Of two entries of one token none is silently lost, and no revocation with it: the file is refused."""
    with pytest.raises(ValueError, match="twice"):
        read(file.write(content.encode()))


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a":' * 50_000, b"\xff", b"\x00", b""])
def test_a_file_of_any_bytes(file: File, content: bytes) -> None:
    """Whatever a file holds, it is refused with a sentence."""
    with pytest.raises(ValueError, match=r"tokens\.json"):
        read(file.write(content))


def test_replaced_by_one_of_the_same_size_and_date(file: File) -> None:
    """A file that a tool replaces together with its date (`rsync -t`) revokes what it names."""
    registry = TokenRegistry(file.write({OTHER: {"revoked_at": "2020-01-01"}}), now=Clock())
    stat = file.path.stat()
    new = file.path.with_name("new")
    new.write_text(json.dumps({JTI: {"revoked_at": "2020-01-01"}}))
    os.utime(new, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert new.stat().st_size == stat.st_size
    new.replace(file.path)
    registry.refresh()
    assert (registry.is_revoked(JTI), registry.is_revoked(OTHER)) == (True, False)


def test_a_revocation_in_upper_case() -> None:
    """Whoever writes a `jti` in upper case revokes the token that has it in lower case; the earlier date counts."""
    registry = TokenRegistry(now=Clock())
    for dates in ({JTI.upper(): NOON}, {JTI.upper(): NOON, JTI: NOON + 9}, {JTI: NOON, JTI.upper(): NOON + 9}):
        registry.revoke(dates)
        assert registry.is_revoked(JTI)
        assert not registry.is_revoked(OTHER)
    registry.revoke({JTI.upper(): NOON + 9})
    assert not registry.is_revoked(JTI)


def test_a_record_in_upper_case(file: File) -> None:
    """The same holds for the file."""
    registry = TokenRegistry(file.write({JTI.upper(): {"revoked_at": "2020-01-01"}}), now=Clock())
    assert registry.is_revoked(JTI)
