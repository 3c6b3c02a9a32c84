"""The commands on real processes: what a shell sees, and what a kill leaves."""

import gzip
import json
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from sqlalchemy import update

from apientreprise_gateway.cli.main import main
from apientreprise_gateway.database.engine import connect, writing
from apientreprise_gateway.database.tables import calls
from support.lines import JTI, lines


@pytest.fixture
def run(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command on a database without tables; returns its status, output and errors."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", empty_url)

    def run(*arguments: str, given: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(given)))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


def test_from_nothing_to_stored_lines(run: Callable[..., tuple[int, str, str]]) -> None:
    """Migrate, check, import, list the rejects."""
    status, _, complaint = run("journal", "import", given=lines(0, 1))
    assert (status, "portal migrate" in complaint) == (2, True)
    assert run("portal", "check")[0] == 1
    assert run("portal", "migrate")[0] == 0
    status, _, complaint = run("portal", "check")
    assert (status, complaint) == (0, "")
    given = lines(0, 2) + b'broken "x"\n{"event":"ready","level":"info","timestamp":"t"}\n'
    status, said, _ = run("journal", "import", given=given)
    assert (status, said) == (0, "4 lines read: 2 stored, 0 known already, 1 rejected, 1 skipped\n")
    assert "2 known already" in run("journal", "import", given=given)[1]
    status, said, _ = run("journal", "rejects")
    assert (status, 'broken "x"' in said) == (0, True)
    (reject,) = json.loads(run("journal", "rejects", "--json")[1])
    assert reject["line"] == 'broken "x"'


def test_files_are_imported_packed_or_not(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """One that is missing is refused before anything is stored."""
    assert run("portal", "migrate")[0] == 0
    plain, packed = tmp_path / "a.log", tmp_path / "b.log.gz"
    plain.write_bytes(lines(0, 2))
    packed.write_bytes(gzip.compress(lines(1, 4)))
    assert run("journal", "import", str(plain), str(tmp_path / "none"))[0] == 2
    status, said, _ = run("journal", "import", str(plain), str(packed))
    assert status == 0
    assert "2 lines read: 2 stored" in said
    assert "3 lines read: 2 stored, 1 known already" in said


def test_the_commands_of_seals_and_purges(run: Callable[..., tuple[int, str, str]]) -> None:
    """Each says what it has done; a change of a sealed day ends with 1."""
    assert run("portal", "migrate")[0] == 0
    run("journal", "import", given=lines(0, 2, time="2020-01-02T00:00:00Z"))
    assert run("journal", "seal")[1].startswith("2020-01-02: 2 lines, seal 1, ")
    assert run("journal", "seal")[1] == "No seal is due.\n"
    assert run("journal", "verify")[:2] == (0, "1 seals of 1 days hold.\n")
    assert run("journal", "hold", "--jti", JTI)[0] == 2
    assert run("journal", "hold", "--jti", JTI, "--reason", "court")[:2] == (
        0,
        f"Hold 1: calls with jti {JTI} are kept.\n",
    )
    assert "court" in run("journal", "hold", "--list")[1]
    assert run("journal", "purge", "--dry-run")[1].split()[4:] == ["2020-01-01", "0", "2", "0"]
    assert run("journal", "hold", "--lift", "1")[0] == 0
    assert run("journal", "hold", "--lift", "1")[0] == 2
    status, said, complaint = run("journal", "purge")
    assert (status, said.split()[4:]) == (0, ["2020-01-01", "2", "0", "0"]), complaint


def test_a_changed_day_is_named(run: Callable[..., tuple[int, str, str]], empty_url: str) -> None:
    """On standard error and at the end."""
    assert run("portal", "migrate")[0] == 0
    run("journal", "import", given=lines(0, 2))
    assert run("journal", "seal")[0] == 0
    engine = connect(empty_url)
    with writing(engine) as connection:
        connection.execute(update(calls).values(user_id="nobody"))
    engine.dispose()
    status, said, complaint = run("journal", "verify")
    assert (status, "Changed: 2026-11-27." in said, "2026-11-27" in complaint) == (1, True, True)
